// SPDX-License-Identifier: MIT
// Where the keys of a block stand: TILE_K of them, from a multiple of TILE_K on. Positions that are
// stored pass through shared memory.
#include "positions.glsl"

int k_min, k_max; // the block's smallest and largest position

#if EXTRAS & EXTRA_POSITIONS
shared int block_positions[TILE_K];

// Uniform.
void stage_positions(uint key)
{
    barrier(); // the last block's have been read
    for (uint i = gl_LocalInvocationIndex; i < TILE_K; i += WG)
        block_positions[i] = stored_position(key + i);
    barrier();
    k_min = k_max = block_positions[0];
    for (uint i = 1; i < TILE_K; i++) {
        k_min = min(k_min, block_positions[i]);
        k_max = max(k_max, block_positions[i]);
    }
}

int position_of(uint key)
{
    return block_positions[key % TILE_K];
}
#else
void stage_positions(uint key)
{
    k_min = int(key);
    k_max = int(key + TILE_K - 1);
}

int position_of(uint key)
{
    return int(key);
}
#endif
