// SPDX-License-Identifier: MIT
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static void write_line(const struct gyre_log *log, enum gyre_log_level level, const char *format,
                       va_list args)
{
    char line[4096]; // a compiler's message is cut here
    if (log == NULL || log->fn == NULL || level > log->level)
        return;
    vsnprintf(line, sizeof(line), format, args);
    log->fn(log->user, level, line);
}

void gyre_log_write(const struct gyre_log *log, enum gyre_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(log, level, format, args);
    va_end(args);
}

enum gyre_status gyre_fail(const struct gyre_log *log, enum gyre_status status, const char *format,
                           ...)
{
    va_list args;
    va_start(args, format);
    write_line(log, GYRE_LOG_ERROR, format, args);
    va_end(args);
    return status;
}
