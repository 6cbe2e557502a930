// SPDX-License-Identifier: MIT
// The sequence of this group: its tokens, and where its query 0 stands. The arguments are any
// struct with q_len, kv_len, q_start and extras (args/attention.h); of buffers it wants starts and
// lens, and q_firsts and k_firsts where sequences are packed.
#include "args/attention.h"

uint batch;    // its number
uint last_key;
uint own_len;  // keys that may be seen
int own_start; // position of its query 0

#if EXTRAS & EXTRA_PACKED
// The first of its tokens, and how many it has, among q's and k's.
struct tokens {
    uint first, n;
};
tokens q_tokens, k_tokens;

void find_tokens()
{
    q_tokens = tokens(0u, a.q_len);
    k_tokens = tokens(0u, a.kv_len);
    if (a.extras.q_firsts != 0u) {
        uint at = a.extras.q_firsts - 1u + batch;
        q_tokens.first = gyre_packed_first(q_firsts[at], a.extras.q_total);
        q_tokens.n = gyre_packed_len(q_tokens.first, q_firsts[at + 1u], a.extras.q_total, a.q_len);
    }
    if (a.extras.k_firsts != 0u) {
        uint at = a.extras.k_firsts - 1u + batch;
        k_tokens.first = gyre_packed_first(k_firsts[at], a.extras.k_total);
        k_tokens.n = gyre_packed_len(k_tokens.first, k_firsts[at + 1u], a.extras.k_total, a.kv_len);
    }
}

uint n_queries()
{
    return q_tokens.n;
}

uint n_keys()
{
    return k_tokens.n;
}

uint q_token(uint query)
{
    return q_tokens.first + query;
}

// Keys past the last one repeat it.
uint k_token(uint key)
{
    return k_tokens.first + min(key, last_key);
}
#else
void find_tokens()
{
}

uint n_queries()
{
    return a.q_len;
}

uint n_keys()
{
    return a.kv_len;
}

uint q_token(uint query)
{
    return query;
}

uint k_token(uint key)
{
    return min(key, last_key);
}
#endif

void find_sequence(uint number)
{
    batch = number;
    find_tokens();
    last_key = n_keys() - 1u;
    own_len = gyre_own_len(n_keys(), LISTED(a.extras.lens, lens, batch, int(n_keys())));
    own_start = gyre_own_start(a.q_start, a.extras.is_end, own_len, n_queries(),
                               LISTED(a.extras.starts, starts, batch, 0));
}
