// SPDX-License-Identifier: MIT
// The blocks of TILE_K keys that a tile of rows walks over: those that its first row, its last one
// or one between them may see.
#if EXTRAS & EXTRA_POSITIONS
struct walk {
    uint first, last; // queries
    uint end;         // no block from here on
};

// The walk of rows from `first` to `last` over keys before `end`.
walk walk_of(uint first, uint last, uint end)
{
    return walk(first, last, min(end, own_len));
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

bool is_whole_block(keys first, keys last, uint key)
{
    return false; // each key is asked
}
#else
struct walk {
    uint lo, keep; // blocks before `lo` are seen only where they begin before `keep`
    uint end;      // no block from here on
};

// All bounds of keys grow with the query.
walk walk_of(uint first, uint last, uint end)
{
    keys first_seen = keys_of(first), last_seen = keys_of(last);
    return walk(first_seen.lo - first_seen.lo % TILE_K, last_seen.keep,
                min(end, max(last_seen.hi, last_seen.keep)));
}

uint next_block(walk w, uint key)
{
    return key < w.keep ? key : max(key, w.lo);
}

// Every row sees the whole block, and no mask asks. What the first row and the last one see tells.
bool is_whole_block(keys first, keys last, uint key)
{
    return MASK_DTYPE == DTYPE_NONE && ((last.lo <= key && key + TILE_K <= first.hi) ||
                                        key + TILE_K <= first.keep);
}
#endif
