// SPDX-License-Identifier: MIT
// The sources of the kernels, embedded in the library.
#ifndef GYRE_SOURCE_H
#define GYRE_SOURCE_H

#include <gyre/log.h>

// The text of "cl/NAME.cl" or "shaders/NAME.comp" with its #include "..." lines replaced by what
// they name (once each). $GYRE_KERNEL_DIR, a checkout of the project, overrides the embedded text.
// The caller frees *text. COMPILE when a file is missing.
enum gyre_status gyre_source_get(const struct gyre_log *log, const char *path, char **text);

#endif
