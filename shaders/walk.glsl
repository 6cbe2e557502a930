// SPDX-License-Identifier: MIT
// The blocks of TILE_K keys that a tile of rows walks over: those that its first row, its last one
// or one between them may see.
struct walk {
    uint first, last; // queries
    keys first_seen, last_seen;
    uint end; // no block from here on
};

#if EXTRAS & EXTRA_POSITIONS
uint keys_end(keys last)
{
    return own_len;
}

// Where a walk goes on that has come to `key`; its block's positions are then staged. Uniform.
uint next_block(walk w, uint key)
{
    for (; key < w.end; key += TILE_K) {
        stage_positions(key);
        if (may_see(w.first, w.last, k_min, k_max))
            break;
    }
    return key;
}

bool is_block_seen(keys seen, uint key)
{
    return false; // each key is asked
}
#else
// The ends only grow with the query.
uint keys_end(keys last)
{
    return max(last.hi, last.keep);
}

// Past what neither the first query's window nor the last one's kept keys let any query between
// them see.
uint next_block(walk w, uint key)
{
    return key < w.last_seen.keep ? key
                                  : max(key, w.first_seen.lo - w.first_seen.lo % TILE_K);
}

bool is_block_seen(keys seen, uint key)
{
    return (seen.lo <= key && key + TILE_K <= seen.hi) || key + TILE_K <= seen.keep;
}
#endif

// The walk of rows from `first` to `last` over keys before `end`.
walk walk_of(uint first, uint last, uint end)
{
    keys first_seen = keys_of(first), last_seen = keys_of(last);
    return walk(first, last, first_seen, last_seen, min(end, keys_end(last_seen)));
}

// Every row sees the whole block, and no mask asks.
bool is_whole_block(walk w, uint key)
{
    return MASK_DTYPE == DTYPE_NONE && is_block_seen(w.first_seen, key) &&
           is_block_seen(w.last_seen, key);
}
