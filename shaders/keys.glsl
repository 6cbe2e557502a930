// SPDX-License-Identifier: MIT
// Which keys a query sees, before the mask. The arguments are any struct with the fields of the
// rule (args/attention.h).
#if EXTRAS & EXTRA_POSITIONS
struct keys {
    int q_pos;
};

keys keys_of(uint query)
{
    return keys(own_start + int(query));
}

bool is_seen(keys seen, uint key, int k_pos)
{
    return key < own_len &&
           gyre_is_allowed(a.is_causal, a.n_prefix, a.window_left, a.window_right, a.window_keep,
                           seen.q_pos, k_pos) != 0u;
}
#else
// [lo, hi) and those below keep.
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

bool is_seen(keys seen, uint key, int k_pos)
{
    return (seen.lo <= key && key < seen.hi) || key < seen.keep;
}
#endif

// 0 only where no query from `first` to `last` sees any key that stands in [k_min, k_max].
bool may_see(uint first, uint last, int k_min, int k_max)
{
    return gyre_may_allow(a.is_causal, a.n_prefix, a.window_left, a.window_right, a.window_keep,
                          own_start + int(first), own_start + int(last), k_min, k_max) != 0u;
}
