#ifndef BASCULE_VIEW_PLUGIN_H
#define BASCULE_VIEW_PLUGIN_H

#include <stdint.h>

// What the Swift half of the plugin needs from nbdkit. nbdkit's own header stays in plugin.c, because its struct is
// filled by macros and its errors are variadic, neither of which Swift can import.

/// Reports an error to nbdkit's log and sets the errno that the client is told.
void bascule_nbdkit_fail(int number, const char *message);

/// The export that the client being served asked for; NULL after an error that nbdkit has reported itself.
const char *bascule_nbdkit_export_name(void);

/// Adds an export to a listing that nbdkit handed over. 0, or -1 after an error that nbdkit has reported itself.
int bascule_nbdkit_add_export(void *exports, const char *name, const char *description);

/// Adds a stretch to a listing that nbdkit handed over: holes read as zeros. 0, or -1 as above.
int bascule_nbdkit_add_extent(void *extents, uint64_t offset, uint64_t length, int is_hole);

/// The absolute path, to be freed, because nbdkit changes its directory when it goes to the background; or NULL.
char *bascule_nbdkit_real_path(const char *path);

// What plugin.c calls, and ViewPlugin exports. All return -1 after bascule_nbdkit_fail.

int bascule_view_config(const char *key, const char *value);
int bascule_view_config_complete(void);
int bascule_view_get_ready(void);
void bascule_view_cleanup(void);
int bascule_view_list_exports(void *exports);
const char *bascule_view_default_export(void);
/// Position of the disk, from 0.
int64_t bascule_view_open(void);
int64_t bascule_view_size(int64_t disk);
int bascule_view_read(int64_t disk, void *buffer, uint32_t count, uint64_t offset);
int bascule_view_extents(int64_t disk, uint32_t count, uint64_t offset, int only_first, void *extents);

#endif
