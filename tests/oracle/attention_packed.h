// SPDX-License-Identifier: MIT
// Where packed sequences lie.
#ifndef ORACLE_ATTENTION_PACKED_H
#define ORACLE_ATTENTION_PACKED_H

#include <stddef.h>
#include <stdint.h>

// Tokens [first, first + n), counted over all batches.
struct oracle_span {
    size_t first, n;
};

// Tokens of sequence b that take part: those from firsts[b] to firsts[b + 1], both within the
// n_tokens that there are, and no more than `most` (0: all). Without `firsts` batch b, whole.
struct oracle_span oracle_span_of(const int32_t *firsts, size_t b, size_t n_tokens, size_t most);

#endif
