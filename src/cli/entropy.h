// SPDX-License-Identifier: MIT
// How widely a head looks: the Shannon entropy -sum p ln p of each query's probabilities, in nats.
// 0: at one key; ln n: at n keys evenly.
#ifndef GYRE_CLI_ENTROPY_H
#define GYRE_CLI_ENTROPY_H

#include <stdint.h>

// Over queries. NaN once a row held NaN.
struct entropy {
    uint64_t n; // queries that see a key: others have no entropy
    double sum, min, max;
};

// Adds a query: (n_keys) probabilities, below 0 where the key is hidden.
void entropy_add(struct entropy *entropy, const float *probs, uint64_t n_keys);

double entropy_mean(const struct entropy *entropy); // NaN without queries

#endif
