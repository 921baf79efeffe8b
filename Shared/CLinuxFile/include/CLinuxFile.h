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

#endif
