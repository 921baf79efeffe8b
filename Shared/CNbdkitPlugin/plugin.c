// The half of the view plugin that nbdkit's C interface asks for: the struct, and thin passages to Swift.
// See nbdkit-plugin(3).

// For dladdr(3).
#define _GNU_SOURCE
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "plugin.h"

// Requests of one connection and of several run at once: a view is immutable.
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

void bascule_nbdkit_fail(int number, const char *message) {
    nbdkit_error("%s", message);
    nbdkit_set_error(number);
}

const char *bascule_nbdkit_export_name(void) { return nbdkit_export_name(); }

int bascule_nbdkit_add_export(void *exports, const char *name, const char *description) {
    return nbdkit_add_export(exports, name, description);
}

int bascule_nbdkit_add_extent(void *extents, uint64_t offset, uint64_t length, int is_hole) {
    uint32_t type = is_hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0;
    return nbdkit_add_extent(extents, offset, length, type);
}

char *bascule_nbdkit_real_path(const char *path) { return nbdkit_realpath(path); }

// What ends the view with its starter: a descriptor whose other end the starter alone holds. -1: nothing does.
//
// Not --exit-with-parent, because that is prctl(PR_SET_PDEATHSIG): Linux then takes the end of the thread that started
// nbdkit for the end of its process, and a starter that dies before nbdkit has asked for the signal is never noticed.
static int lifeline = -1;

// Enough for a request that is being answered.
#define SHUTDOWN_GRACE_SECONDS 2

// nbdkit 1.32 asks for that signal whether it is told to or not, and the thread that started it may end at any time. What
// decides how long a view lives is its lifeline alone.
static void view_load(void) {
    prctl(PR_SET_PDEATHSIG, 0);
    // nbdkit unloads a plugin at its end. Threads of the Swift runtime, and the one below, may still be in here then.
    Dl_info self;
    if (dladdr((const void *)(intptr_t)&view_load, &self) != 0) (void)dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

static int view_config(const char *key, const char *value) {
    if (strcmp(key, "lifeline") != 0) return bascule_view_config(key, value);
    int given;
    if (nbdkit_parse_int("lifeline", value, &given) == -1) return -1;
    // A copy, because nbdkit puts /dev/null in the place of its standard input and output before it serves.
    lifeline = fcntl(given, F_DUPFD_CLOEXEC, 3);
    if (lifeline >= 0) return 0;
    nbdkit_error("lifeline=%s is no open descriptor", value);
    return -1;
}

static void *watch_lifeline(void *unused) {
    (void)unused;
    char byte;
    ssize_t count;
    // Nobody writes to it; it is read to see its end.
    do count = read(lifeline, &byte, 1);
    while (count > 0 || (count == -1 && errno == EINTR));
    nbdkit_shutdown();
    // nbdkit waits for clients that are connected, and they wait for nobody: a view has nothing to lose by ending.
    sleep(SHUTDOWN_GRACE_SECONDS);
    _exit(0);
}

// Only now, because nbdkit may fork before, and a thread would stay with the parent.
static int view_after_fork(void) {
    if (lifeline < 0) return 0;
    // Signals are for nbdkit's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, watch_lifeline, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        nbdkit_error("no thread can watch the lifeline: %s", strerror(error));
        return -1;
    }
    pthread_detach(thread);
    return 0;
}

static int view_list_exports(int readonly, int default_only, struct nbdkit_exports *exports) {
    (void)readonly;
    (void)default_only;
    return bascule_view_list_exports(exports);
}

static const char *view_default_export(int readonly, int is_tls) {
    (void)readonly;
    (void)is_tls;
    return bascule_view_default_export();
}

// A handle must not be NULL, so it is one more than the disk's position.
static int64_t disk_of(void *handle) { return (int64_t)(intptr_t)handle - 1; }

static void *view_open(int readonly) {
    (void)readonly;
    int64_t disk = bascule_view_open();
    return disk < 0 ? NULL : (void *)(intptr_t)(disk + 1);
}

static int64_t view_get_size(void *handle) { return bascule_view_size(disk_of(handle)); }

static int view_block_size(void *handle, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum) {
    (void)handle;
    *minimum = 1;
    // A record is opened whole, so larger requests cost less.
    *preferred = 65536;
    *maximum = 32 * 1024 * 1024;
    return 0;
}

static int view_can_multi_conn(void *handle) {
    (void)handle;
    return 1;
}

static int view_pread(void *handle, void *buffer, uint32_t count, uint64_t offset, uint32_t flags) {
    (void)flags;
    return bascule_view_read(disk_of(handle), buffer, count, offset);
}

static int view_extents(
    void *handle, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *extents) {
    int only_first = (flags & NBDKIT_FLAG_REQ_ONE) != 0;
    return bascule_view_extents(disk_of(handle), count, offset, only_first, extents);
}

static struct nbdkit_plugin plugin = {
    .name = "bascule-view",
    .longname = "Bascule recovery point",
    .description = "Serves a recovery point of a replica, read-only; one export for each disk.",
    .magic_config_key = "replica",
    .load = view_load,
    .config = view_config,
    .config_complete = bascule_view_config_complete,
    .config_help =
        "replica=DIRECTORY  (required) the replica directory\n"
        "point=CYCLE        the cycle number of the point; the newest when not given\n"
        "lifeline=FD        a descriptor; the view ends when its other end is closed",
    .get_ready = bascule_view_get_ready,
    .after_fork = view_after_fork,
    .cleanup = bascule_view_cleanup,
    .list_exports = view_list_exports,
    .default_export = view_default_export,
    .open = view_open,
    .get_size = view_get_size,
    .block_size = view_block_size,
    .can_multi_conn = view_can_multi_conn,
    .pread = view_pread,
    .extents = view_extents,
};

NBDKIT_REGISTER_PLUGIN(plugin)
