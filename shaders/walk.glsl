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

bool is_whole_block(walk w, uint key)
{
    return false; // each key is asked
}
#else
struct walk {
    keys some, all; // what some row may see, and what every row does
    uint end;       // no block from here on
};

// All bounds of keys grow with the query.
walk walk_of(uint first, uint last, uint end)
{
    keys head = keys_of(first), tail = keys_of(last);
    return walk(keys(head.lo - head.lo % TILE_K, tail.hi, tail.keep),
                keys(tail.lo, head.hi, head.keep), min(end, max(tail.hi, tail.keep)));
}

uint next_block(walk w, uint key)
{
    return key < w.some.keep ? key : max(key, w.some.lo);
}

// Every row sees the whole block, and no mask asks.
bool is_whole_block(walk w, uint key)
{
    return MASK_DTYPE == DTYPE_NONE && ((w.all.lo <= key && key + TILE_K <= w.all.hi) ||
                                        key + TILE_K <= w.all.keep);
}
#endif
