// SPDX-License-Identifier: MIT
// What the rows of a tile are and see, TILE_Q of them from first_row on, in shared memory: here it
// takes no registers while the tile walks over its keys.
const uint NO_ROW = ~0u; // past the last one
shared uint row_number[TILE_Q], row_query[TILE_Q], row_head[TILE_Q];
shared keys row_keys[TILE_Q];

// Uniform.
void find_rows(uint kv_head, uint first_row)
{
    for (uint row = gl_LocalInvocationIndex; row < TILE_Q; row += WG) {
        uint number = first_row + row;
        row_number[row] = number < n_rows() ? number : NO_ROW;
        row_query[row] = query_of(number);
        row_head[row] = head_of(kv_head, number);
        row_keys[row] = keys_of(row_query[row]);
    }
    barrier();
}
