// SPDX-License-Identifier: MIT
// Opening the devices that --device names, with the library's log on stderr.
#ifndef GYRE_CLI_OPEN_H
#define GYRE_CLI_OPEN_H

#include "harness/session.h"
#include "options.h"

// Log lines go to stderr as far as `common` asks, and to session.log. Must not move while open.
struct opened {
    struct session session;
    struct gyre_log kept;
    enum gyre_log_level shown;
};

// Opens `name` (NULL: the default). False: complained, and *code is what to exit with.
bool opened_open(struct opened *opened, const struct common *common, const char *name, int *code);
void opened_close(struct opened *opened);

// A log that only shows: errors and warnings, and with --verbose more.
struct gyre_log shown_log(const struct common *common);

// Ids of the devices that --device names: every one for "all", otherwise the name as it is.
struct names {
    size_t n;
    char (*items)[256]; // malloc'ed
};
struct names names_find(const struct common *common);
void names_free(struct names *names);

// "could not do X: status", naming the device; returns an exit code.
int complain_status(const struct opened *opened, const char *what, enum gyre_status status);

#endif
