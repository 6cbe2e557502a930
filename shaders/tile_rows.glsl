// SPDX-License-Identifier: MIT
// What the rows of a tile are and see, TILE_Q of them from first_row on, in shared memory: here it
// takes no registers while the tile walks over its keys.
const uint NO_ROW = ~0u; // past the last one
shared uint row_number[TILE_Q]; // of its partial result
shared uint row_query[TILE_Q], row_head[TILE_Q];
shared keys row_keys[TILE_Q];

// Uniform.
void find_rows(uint kv_head, uint split, uint first_row)
{
    for (uint row = gl_LocalInvocationIndex; row < TILE_Q; row += WG) {
        uint own = first_row + row;
        row_number[row] = own < n_rows() ? partial_of(kv_head, split, own) : NO_ROW;
        row_query[row] = query_of(own);
        row_head[row] = head_of(kv_head, own);
        row_keys[row] = keys_of(row_query[row]);
    }
    barrier();
}
