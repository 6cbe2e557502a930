// SPDX-License-Identifier: MIT
// A progress bar on stderr, drawn only when that is a terminal.
#ifndef GYRE_CLI_PROGRESS_H
#define GYRE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    size_t n_done, n_total;
    double drawn_at; // seconds
    bool is_shown;
};

void progress_begin(struct progress *progress, size_t n_total);
// One more done; `label` says what is next or was last.
void progress_step(struct progress *progress, const char *label);
// Wipes the bar away for lines that stay; the next step draws it again.
void progress_clear(struct progress *progress);

#endif
