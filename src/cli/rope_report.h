// SPDX-License-Identifier: MIT
// What a RoPE configuration comes to, as a table, JSON or a picture.
#ifndef GYRE_CLI_ROPE_REPORT_H
#define GYRE_CLI_ROPE_REPORT_H

#include <gyre/rope_config.h>

struct rope_report {
    const struct gyre_rope_config *config;
    struct gyre_rope_facts facts;
    double *inv_freq;    // (n_pairs) radians per position
    uint32_t *pair_axes; // (n_pairs)
    float *cos, *sin;    // (n_pairs) at `position`; NULL: not asked for
    int32_t position;
    const char *unknown; // keys that were not understood, separated by spaces
};

// Fills all but `unknown`; `position` may be NULL. The caller owes a rope_report_free, after a
// failure too.
enum gyre_status rope_report_make(const struct gyre_rope_config *config, const struct gyre_log *log,
                                  const int32_t *position, struct rope_report *report);
void rope_report_free(struct rope_report *report);

// Facts, and a row for each pair. On a terminal some rows stand for many, unless `is_whole`.
void rope_report_print(const struct rope_report *report, bool is_whole);
void rope_report_print_json(const struct rope_report *report);
// The long-term decay as PNG. False when it cannot be written.
bool rope_report_draw(const struct rope_report *report, const char *path);

#endif
