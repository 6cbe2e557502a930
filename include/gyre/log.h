// SPDX-License-Identifier: MIT
// The log callback. The library prints nothing by itself.
// Threads: the callback may be called from any thread that calls gyre; it must not call gyre.
#ifndef GYRE_LOG_H
#define GYRE_LOG_H

#include <gyre/common.h>

enum gyre_log_level {
    GYRE_LOG_ERROR = 0, // a call failed; the line says which condition
    GYRE_LOG_WARNING,   // it went on, but not as asked (a damaged cache entry, an absent driver)
    GYRE_LOG_INFO,      // what was found and chosen
    GYRE_LOG_DEBUG,     // every compilation and dispatch
};

// One line without a newline; `message` is valid only during the call.
typedef void gyre_log_fn(void *user, enum gyre_log_level level, const char *message);

struct gyre_log {
    gyre_log_fn *fn; // NULL: silence
    void *user;
    enum gyre_log_level level; // lines above this level are not built; 0 keeps errors only
};

#endif
