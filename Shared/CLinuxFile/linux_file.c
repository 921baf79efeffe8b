#define _GNU_SOURCE
#include "CLinuxFile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int bascule_direct_flag(void) { return O_DIRECT; }

int bascule_fallocate(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, 0, offset, length);
}

int bascule_punch_hole(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int bascule_unnamed_file(void) { return memfd_create("bascule", MFD_CLOEXEC); }

// Writes "LISTEN_PID=<number>". Of its own, because between fork and exec in a process of many threads only
// async-signal-safe functions may be called, signal-safety(7), and snprintf is none of them.
static void write_listen_pid(char *text, pid_t number) {
    const char name[] = "LISTEN_PID=";
    char digits[16];
    int count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    char *end = text;
    for (const char *at = name; *at; at++) *end++ = *at;
    while (count > 0) *end++ = digits[--count];
    *end = 0;
}

static _Noreturn void fail_child(int report) {
    int number = errno;
    // Nothing can be done when even that cannot be written; the parent then sees a child that ended.
    ssize_t written = write(report, &number, sizeof number);
    (void)written;
    _exit(127);
}

static _Noreturn void become(
    const char *const *arguments, const char **environment, char *listen_pid, int output, int errors, int socket,
    int report, pid_t parent) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) fail_child(report);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_child(report);
    // Whoever started us may have ended before the line above.
    if (getppid() != parent) _exit(127);
    setsid();
    // Above everything that is put in place below, so that nothing overwrites another.
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    report = fcntl(report, F_DUPFD_CLOEXEC, 10);
    output = fcntl(output, F_DUPFD_CLOEXEC, 10);
    errors = fcntl(errors, F_DUPFD_CLOEXEC, 10);
    if (socket >= 0) socket = fcntl(socket, F_DUPFD_CLOEXEC, 10);
    if (report < 0) _exit(127);
    if (input < 0 || output < 0 || errors < 0) fail_child(report);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) fail_child(report);
    if (socket >= 0) {
        if (dup2(socket, 3) < 0) fail_child(report);
        write_listen_pid(listen_pid, getpid());
    }
    execvpe(arguments[0], (char *const *)arguments, (char *const *)environment);
    fail_child(report);
}

int bascule_spawn_bound(const char *const *arguments, const char *const *environment, int output, int errors,
    int socket) {
    int count = 0;
    while (environment[count]) count++;
    const char **variables = calloc((size_t)count + 3, sizeof *variables);
    if (!variables) return -1;
    char listen_pid[32];
    for (int index = 0; index < count; index++) variables[index] = environment[index];
    if (socket >= 0) {
        variables[count++] = "LISTEN_FDS=1";
        variables[count++] = listen_pid;
    }
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        free(variables);
        return -1;
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) become(arguments, variables, listen_pid, output, errors, socket, report[1], parent);
    int number = errno;
    free(variables);
    close(report[1]);
    if (child > 0) {
        // The pipe closes when the program is executed; until then it tells why it was not.
        ssize_t got;
        do got = read(report[0], &number, sizeof number);
        while (got < 0 && errno == EINTR);
        if (got == (ssize_t)sizeof number) {
            waitpid(child, NULL, 0);
            child = -1;
        }
    }
    close(report[0]);
    errno = number;
    return child;
}
