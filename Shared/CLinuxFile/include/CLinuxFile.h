#ifndef BASCULE_LINUX_FILE_H
#define BASCULE_LINUX_FILE_H

#include <stdint.h>

// Linux calls that the C library shows only under _GNU_SOURCE, which Swift's Glibc module is built without.

/// open(2), O_DIRECT.
int bascule_direct_flag(void);

/// fallocate(2) with mode 0: reserves and lengthens. 0, or -1 with errno.
int bascule_fallocate(int descriptor, int64_t offset, int64_t length);

/// fallocate(2), FALLOC_FL_PUNCH_HOLE: the range reads as zeros and gives its space back; the size stays. 0, or -1 with
/// errno.
int bascule_punch_hole(int descriptor, int64_t offset, int64_t length);

/// memfd_create(2): a file without a name, for what a child process says. A descriptor, or -1 with errno.
int bascule_unnamed_file(void);

/// Starts a program that gets SIGKILL when the calling thread ends, prctl(2), PR_SET_PDEATHSIG, and that leads a session
/// of its own with no signal blocked. Standard input is /dev/null. A `socket` that is not negative becomes descriptor 3, announced as sd_listen_fds(3) has it. Descriptors that are not close-on-exec are
/// inherited. The process, or -1 with errno, also when the program could not be executed.
int bascule_spawn_bound(const char *const *arguments, const char *const *environment, int output, int errors,
    int socket);

#endif
