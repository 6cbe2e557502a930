// SPDX-License-Identifier: MIT
// Times a row of the bench and, turn by turn, the limit that it is held against and what else could
// do the same.
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "openblas.h"
#include "rows.h"
#include "timing.h"

struct measure_options {
    uint64_t seed;
    double min_s;                // 0: half a second
    const struct openblas *peer; // NULL: nothing is compared with
};

struct measurement {
    struct result check; // unless it passed, the rest is not filled
    struct cost cost;
    size_t n_copies; // of keys and values, visited in turn to be cold; 1: everything stays warm
    double first_s;  // the first call, compilation included
    uint64_t scratch_size;     // bytes that a call takes beside its tensors
    struct stats wall, device; // device.n 0: it has no clock
    double rate;               // bytes/s or FLOP/s of the fastest run
    double limit_rate, share;  // of the fastest probe; 0: not probed on this device
    const char *no_peer;       // why the peer was not timed; NULL: it was, or none was asked for
    struct stats peer;
    double peer_ratio; // its fastest run over ours
};

// Runs take turns with the probe and the peer, whose results have been compared: at least 20 of
// them and min_s seconds, less when each is slow.
void measure_row(struct session *session, const struct bench_row *row,
                 const struct case_dtypes *dtypes, const struct measure_options *options,
                 struct measurement *out);

#endif
