// SPDX-License-Identifier: MIT
#include "oracle/attention_packed.h"

static size_t clamp(int32_t x, size_t most)
{
    size_t at = x < 0 ? 0 : (size_t)x;
    return at < most ? at : most;
}

struct oracle_span oracle_span_of(const int32_t *firsts, size_t b, size_t n_tokens, size_t most)
{
    if (firsts == NULL)
        return (struct oracle_span){b * n_tokens, n_tokens};
    size_t first = clamp(firsts[b], n_tokens), end = clamp(firsts[b + 1], n_tokens);
    size_t n = end > first ? end - first : 0;
    return (struct oracle_span){first, most != 0 && n > most ? most : n};
}
