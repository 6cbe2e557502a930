// SPDX-License-Identifier: MIT
// From a raw score s = scale * q.k to the one that softmax sees:
//
//   capped  s = c tanh(s / c)               when c > 0
//   masked  s = s + mask - slope |distance|, and -inf where the key is hidden: by the length,
//           causality, window or mask
//
// Hidden is a choice, never arithmetic, so NaN and infinities of hidden keys stay where they are.
// The arguments are any struct with the fields of the rule (args/attention.h); of buffers it wants
// mask, starts, lens and slopes.
#include "args/attention.h"

#include "exp.glsl"

// The sequence of this group: how many keys it has, and where its query 0 stands.
uint own_len;
int own_start;

void find_sequence(uint batch)
{
    own_len = gyre_own_len(a.kv_len, LISTED(a.extras.lens, lens, batch, int(a.kv_len)));
    own_start = gyre_own_start(a.q_start, a.extras.is_end, own_len, a.q_len,
                               LISTED(a.extras.starts, starts, batch, 0));
}

// Keys that a query sees, before the mask: [lo, hi) and those below keep.
struct keys {
    uint lo, hi, keep;
};

keys keys_of(uint query)
{
    int q_pos = own_start + int(query);
    uint cap = gyre_keys_cap(own_len, a.is_causal, a.n_prefix, q_pos);
    return keys(gyre_keys_lo(a.window_left, q_pos), gyre_keys_hi(a.window_right, cap, q_pos),
                min(a.window_keep, cap));
}

bool is_seen(keys seen, uint key)
{
    return (seen.lo <= key && key < seen.hi) || key < seen.keep;
}

// Keys [begin, begin + n) are all seen.
bool is_block_seen(keys seen, uint begin, uint n)
{
    return (seen.lo <= begin && begin + n <= seen.hi) || begin + n <= seen.keep;
}

// End of the keys that any query up to this one sees: the ends only grow with the query.
uint keys_end(keys last)
{
    return max(last.hi, last.keep);
}

// Where a walk over keys in blocks of n goes on that has come to `key`: past what neither the first
// query's window nor the last one's kept keys let any query between them see.
uint next_block(keys first, keys last, uint key, uint n)
{
    return key < last.keep ? key : max(key, first.lo - first.lo % n);
}

float capped(float score)
{
    return a.softcap > 0.0 ? a.softcap * tanh_exact(score / a.softcap) : score;
}

// The score with ALiBi's penalty.
float biased(float score, uint head, uint query, uint key)
{
#if ALIBI
    float distance = float(abs(own_start + int(query) - int(key)));
    return score - slopes[a.extras.slopes - 1u + head] * distance;
#else
    return score;
#endif
}

// The masked score of key number `key`, whose mask element is number i.
float masked(float score, keys seen, uint key, uint i)
{
    if (!is_seen(seen, key))
        return NEG_INF;
#if MASK_DTYPE == DTYPE_NONE
    return score;
#else
    float added = LOAD(MASK_DTYPE, mask, i);
#if MASK_DTYPE == DTYPE_U8
    return added != 0.0 ? score : NEG_INF;
#else
    return is_neg_inf(added) ? NEG_INF : score + added;
#endif
#endif
}
