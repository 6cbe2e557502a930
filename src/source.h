// SPDX-License-Identifier: MIT
// The sources of the kernels, embedded in the library.
#ifndef GYRE_SOURCE_H
#define GYRE_SOURCE_H

#include <gyre/device.h>
#include <gyre/log.h>

// The text of "cl/NAME.cl" or "shaders/NAME.comp" with its #include "..." lines replaced by what
// they name (once each). $GYRE_KERNEL_DIR, a checkout of the project, overrides the embedded text.
// The caller frees *text. COMPILE when a file is missing.
enum gyre_status gyre_source_get(const struct gyre_log *log, const char *path, char **text);

// A hash of the text of a kernel for a backend; 0 where this build has no text of it.
uint64_t gyre_source_hash(enum gyre_backend_kind backend, const char *kernel);

#endif
