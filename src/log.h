// SPDX-License-Identifier: MIT
// Writing log lines.
#ifndef GYRE_SRC_LOG_H
#define GYRE_SRC_LOG_H

#include <gyre/log.h>

// Formats and passes on one line, if the log's level asks for it. `log` may be NULL.
__attribute__((format(printf, 3, 4))) void
gyre_log_write(const struct gyre_log *log, enum gyre_log_level level, const char *format, ...);

// Writes an error line and returns `status`: `return gyre_fail(log, GYRE_INVALID, "...", ...)`.
__attribute__((format(printf, 3, 4))) enum gyre_status
gyre_fail(const struct gyre_log *log, enum gyre_status status, const char *format, ...);

#endif
