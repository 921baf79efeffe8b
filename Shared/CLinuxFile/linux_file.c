#define _GNU_SOURCE
#include "CLinuxFile.h"

#include <fcntl.h>

int bascule_direct_flag(void) { return O_DIRECT; }

int bascule_fallocate(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, 0, offset, length);
}

int bascule_punch_hole(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
