/*
 * The whole user space of the test guest: one static program that runs as process 1.
 *
 * It loads the modules that the image lists, finds the record disks, and writes numbered, checksummed records to them
 * with O_DIRECT, one at a time: record n+1 is written only after the device acknowledged record n. So at any instant
 * the disks hold an unbroken sequence, and a copy that is torn, stale or mixed shows it. RecordLayout.swift describes
 * the same bytes and RecordChecker.swift checks them.
 *
 * At a set rate a record counts as written when its disk was flushed, too, because the power may fail: without that an
 * emulator that is killed loses what one disk's cache held while another disk has the records after it. "fast" leaves
 * the flush out, for as much load as there can be; only after it has ended do its records survive a power failure.
 *
 * Serial port 1 (console log): "bascule-guest: …" lines. Serial port 2 takes commands, a line each:
 *   idle | rate N (records a second) | fast | random MIB SEED (64 KiB blocks beyond the record area) | sync | poweroff
 *   trim (everything beyond the record area of disk 0)
 * The power button powers off after the record under way.
 *
 * The guest agent runs the same program around a freeze: before it with "freeze", and with "thaw" after the thaw. Both say
 * when that was by the guest's clock.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 4096, RUN = 16, BLOCK = 65536, MAXIMUM_DISKS = 8 };
#define STRIDE 2654435761ull /* odd, so that it is a bijection over any power of two of runs */

static int console = 1, control = -1, button = -1;
static int disks[MAXIMUM_DISKS], disk_count;
static uint64_t disk_bytes[MAXIMUM_DISKS];
static uint64_t area = 64ull << 20; /* bytes of every disk that hold records */
static uint64_t next_record = 1;
static uint8_t *buffer;

enum mode { IDLE, RATE, FAST };
static enum mode mode = IDLE;
static double interval;

static void say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int count = snprintf(line, sizeof line, "bascule-guest: ");
    count += vsnprintf(line + count, sizeof line - count - 2, format, arguments);
    va_end(arguments);
    if (count > (int)sizeof line - 2) count = sizeof line - 2;
    line[count++] = '\n';
    if (write(console, line, count) < 0) { /* a console that is gone must not stop the records */ }
}

static void flush_disks(void)
{
    for (int i = 0; i < disk_count; i++)
        if (fsync(disks[i]) != 0) say("WRITE ERROR flush of disk %d errno=%d", i, errno);
}

static void power_off(const char *why)
{
    say("power off: %s, last=%llu", why, (unsigned long long)(next_record - 1));
    sync();
    flush_disks();
    usleep(100000); /* the serial port drains */
    reboot(RB_POWER_OFF);
    for (;;) pause();
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* FNV-1a over 64-bit little-endian words. */
static uint64_t checksum(const uint64_t *words, int count)
{
    uint64_t sum = 0xcbf29ce484222325ull;
    for (int i = 0; i < count; i++) sum = (sum ^ words[i]) * 0x100000001b3ull;
    return sum;
}

static void make_record(uint64_t number)
{
    uint64_t *words = (uint64_t *)buffer, state = number * 0x9e3779b97f4a7c15ull | 1;
    memcpy(words, "BSCREC01", 8);
    words[1] = number;
    for (int i = 2; i < RECORD / 8 - 1; i++) words[i] = mix(&state);
    words[RECORD / 8 - 1] = checksum(words, RECORD / 8 - 1);
}

/* Records go round the disks; on each, runs of 16 (64 KiB) are spread over the area. */
static int record_disk(uint64_t number) { return (number - 1) % disk_count; }
static uint64_t record_offset(uint64_t number)
{
    uint64_t index = (number - 1) / disk_count, runs = area / RECORD / RUN;
    return (((index / RUN) * STRIDE) % runs * RUN + index % RUN) * RECORD;
}

static void write_record(void)
{
    make_record(next_record);
    int disk = disks[record_disk(next_record)];
    ssize_t done = pwrite(disk, buffer, RECORD, record_offset(next_record));
    if (done != RECORD || (mode != FAST && fdatasync(disk) != 0)) {
        say("WRITE ERROR record=%llu errno=%d", (unsigned long long)next_record, errno);
        usleep(200000);
        return;
    }
    next_record++;
}

static void write_random(uint64_t mebibytes, uint64_t seed)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15ull | 1, blocks = mebibytes * 16, room = (disk_bytes[0] - area) / BLOCK;
    if (disk_bytes[0] <= area || room == 0) {
        say("random REFUSED: disk 0 has nothing beyond the record area");
        return;
    }
    double start = now();
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t offset = area + mix(&state) % room * BLOCK, *words = (uint64_t *)buffer;
        for (int j = 0; j < BLOCK / 8; j++) words[j] = mix(&state);
        if (pwrite(disks[0], buffer, BLOCK, offset) != BLOCK) {
            say("WRITE ERROR random block errno=%d", errno);
            return;
        }
    }
    fsync(disks[0]);
    say("random done mib=%llu seconds=%.1f", (unsigned long long)mebibytes, now() - start);
}

static void trim(void)
{
    uint64_t range[2] = {area, disk_bytes[0] - area};
    if (ioctl(disks[0], BLKDISCARD, range) != 0) say("trim FAILED errno=%d", errno);
}

/* The sequence goes on where the disks say it stopped. */
static void find_last_record(void)
{
    uint64_t last = 0;
    size_t step = 1 << 20;
    uint8_t *bytes = aligned_alloc(4096, step);
    for (int d = 0; d < disk_count; d++)
        for (uint64_t at = 0; at < area; at += step) {
            ssize_t got = pread(disks[d], bytes, step, at);
            for (ssize_t i = 0; i + RECORD <= got; i += RECORD) {
                uint64_t number;
                memcpy(&number, bytes + i + 8, 8);
                if (memcmp(bytes + i, "BSCREC01", 8) == 0 && number > last) last = number;
            }
        }
    free(bytes);
    next_record = last + 1;
}

static void load_modules(void)
{
    FILE *list = fopen("/modules/order", "r");
    char name[128], path[160];
    while (list && fscanf(list, "%127s", name) == 1) {
        snprintf(path, sizeof path, "/modules/%s", name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0 || (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST))
            say("module %s: errno=%d", name, errno);
        if (file >= 0) close(file);
    }
    if (list) fclose(list);
}

static int raw_tty(const char *path)
{
    int file = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios settings;
    if (file >= 0 && tcgetattr(file, &settings) == 0) {
        cfmakeraw(&settings);
        settings.c_cflag |= CLOCAL | CREAD; /* nobody may be connected yet */
        cfsetspeed(&settings, B115200);
        tcsetattr(file, TCSANOW, &settings);
    }
    return file;
}

static void find_button(void)
{
    char path[32], name[64];
    for (int i = 0; i < 8 && button < 0; i++) {
        snprintf(path, sizeof path, "/dev/input/event%d", i);
        int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (file < 0) continue;
        memset(name, 0, sizeof name);
        if (ioctl(file, EVIOCGNAME(sizeof name - 1), name) >= 0 && strstr(name, "Power Button")) button = file;
        else close(file);
    }
}

static uint64_t argument(const char *name, uint64_t otherwise)
{
    static char line[2048];
    FILE *file = fopen("/proc/cmdline", "r");
    if (!file || !fgets(line, sizeof line, file)) return otherwise;
    fclose(file);
    char *found = strstr(line, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : otherwise;
}

/* Record disks are vda, vdb, … as many as "bascule.disks" says; the next one, if any, is an ext4 file system. */
static void find_disks(void)
{
    int wanted = argument("bascule.disks=", 1);
    area = argument("bascule.area=", 64) << 20;
    if (wanted > MAXIMUM_DISKS) wanted = MAXIMUM_DISKS;
    for (int i = 0; i < wanted; i++) {
        char path[16];
        snprintf(path, sizeof path, "/dev/vd%c", 'a' + i);
        int file = -1;
        for (int tries = 0; tries < 200 && (file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC)) < 0; tries++) usleep(10000);
        if (file < 0 || ioctl(file, BLKGETSIZE64, &disk_bytes[i]) != 0) {
            say("DISK MISSING %s errno=%d", path, errno);
            continue;
        }
        disks[disk_count++] = file;
    }
    char path[16];
    snprintf(path, sizeof path, "/dev/vd%c", 'a' + wanted);
    mkdir("/data", 0755);
    if (access(path, F_OK) == 0) say("file system %s", mount(path, "/data", "ext4", 0, "") == 0 ? "mounted" : "NOT mounted");
}

/* The guest agent answers freeze and thaw; there is one only when the image has it. */
static void start_guest_agent(void)
{
    static const char *const program = "/usr/sbin/qemu-ga";
    DIR *ports = opendir("/sys/class/virtio-ports");
    if (!ports || access(program, X_OK) != 0) return;
    struct dirent *entry;
    char path[300] = "";
    while ((entry = readdir(ports))) {
        char name_path[320], name[64] = "";
        snprintf(name_path, sizeof name_path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        FILE *file = fopen(name_path, "r");
        if (!file) continue;
        if (fgets(name, sizeof name, file) && strncmp(name, "org.qemu.guest_agent.0", 22) == 0)
            snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        fclose(file);
    }
    closedir(ports);
    if (!path[0]) return;
    if (fork() == 0) {
        execl(program, program, "--method=virtio-serial", "--path", path, "--statedir=/run", "--fsfreeze-hook=/init",
              (char *)NULL);
        _exit(127);
    }
    say("guest agent on %s", path);
}

static void obey(char *line)
{
    unsigned long long first = 0, second = 1;
    enum mode before = mode;
    if (strncmp(line, "idle", 4) == 0) mode = IDLE;
    else if (strncmp(line, "fast", 4) == 0) mode = FAST;
    else if (sscanf(line, "rate %llu", &first) == 1 && first > 0) mode = RATE, interval = 1.0 / first;
    else if (sscanf(line, "random %llu %llu", &first, &second) >= 1) write_random(first, second);
    else if (strncmp(line, "sync", 4) == 0) sync(), flush_disks();
    else if (strncmp(line, "trim", 4) == 0) trim();
    else if (strncmp(line, "poweroff", 8) == 0) power_off("asked to");
    else { say("unknown command %.40s", line); return; }
    if (before == FAST && mode != FAST) flush_disks();
    say("obeyed %.40s last=%llu", line, (unsigned long long)(next_record - 1));
}

static void listen_once(int wait_ms)
{
    static char line[128];
    static size_t used;
    struct pollfd files[2] = {{control, POLLIN, 0}, {button, POLLIN, 0}};
    if (poll(files, 2, wait_ms) <= 0) return;
    if (files[1].revents & POLLIN) {
        struct input_event event;
        while (read(button, &event, sizeof event) == sizeof event)
            if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) power_off("power button");
    }
    if (files[0].revents & (POLLERR | POLLHUP)) usleep(1000);
    if (!(files[0].revents & POLLIN)) return;
    ssize_t got = read(control, line + used, sizeof line - 1 - used);
    if (got <= 0) return;
    used += got;
    line[used] = 0;
    char *end;
    while ((end = strchr(line, '\n'))) {
        *end = 0;
        if (line[0]) obey(line);
        used -= end + 1 - line;
        memmove(line, end + 1, used + 1);
    }
    if (used == sizeof line - 1) used = 0;
}

int main(int count, char **words)
{
    if (getpid() != 1) {
        console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_CLOEXEC);
        say("file systems %s at_ms=%llu", count > 1 ? words[1] : "?", (unsigned long long)(now() * 1000));
        return 0;
    }
    mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/dev", 0755), mkdir("/run", 0755), mkdir("/tmp", 0755);
    mount("proc", "/proc", "proc", 0, "");
    mount("sysfs", "/sys", "sysfs", 0, "");
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    load_modules();
    control = raw_tty("/dev/ttyS1");
    find_button();
    find_disks();
    if (posix_memalign((void **)&buffer, 4096, BLOCK) != 0 || disk_count == 0) power_off("no disk or no memory");
    start_guest_agent();
    find_last_record();
    uint64_t rate = argument("bascule.rate=", 0);
    if (rate) mode = RATE, interval = 1.0 / rate;
    say("ready disks=%d last=%llu", disk_count, (unsigned long long)(next_record - 1));

    double due = now(), told = 0;
    uint64_t told_record = 0;
    for (;;) {
        double time = now();
        if (mode == IDLE) listen_once(50);
        else if (mode == RATE && time < due) listen_once((due - time) * 1000 + 1);
        else {
            listen_once(0);
            if (mode == RATE && due < time - 1) due = time; /* after a pause: no burst */
            due += interval;
            write_record();
        }
        if (time - told >= 0.25 && next_record != told_record) {
            told = time, told_record = next_record;
            say("committed %llu", (unsigned long long)(next_record - 1));
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}
