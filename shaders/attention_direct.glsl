// SPDX-License-Identifier: MIT
// attention.comp with STAGED 0: raw scores and weighted values, q, k and v from global memory.

shared vec4 part[TILE_Q * TX / 4];

// Where the tile walks takes no registers either.
shared walk all;

// Before the walk over keys up to `end`.
void start(uint end)
{
    if (gl_LocalInvocationIndex == 0u)
        all = walk_of(row_query[0], row_query[TILE_Q - 1], end);
    barrier();
}

bool is_whole(uint key)
{
    return is_whole_block(row_keys[0], row_keys[TILE_Q - 1], key);
}

// Elements i to i + 3 of which the first n exist; zeros for the rest.
#define LOAD4(dtype, buf, i, n)                                                                    \
    vec4(LOAD(dtype, buf, i), (n) > 1 ? LOAD(dtype, buf, (i) + 1) : 0.0,                           \
         (n) > 2 ? LOAD(dtype, buf, (i) + 2) : 0.0, (n) > 3 ? LOAD(dtype, buf, (i) + 3) : 0.0)

// Products of elements [d, d + n), n at most 4.
void add_elements(uint q_begin[MQ], uint k_begin[MK], uint d, uint n)
{
    real4 kx[MK];
    UNROLL(j, MK)
        kx[j] = real4(LOAD4(K_DTYPE, k, k_begin[j] + d, n));
    UNROLL(i, MQ)
        add_products(i, real4(SHRUNK(row_of(i), LOAD4(Q_DTYPE, q, q_begin[i] + d, n))), kx);
}

void raw_scores(uint key)
{
    uint q_begin[MQ], k_begin[MK];
    UNROLL(i, MQ)
        q_begin[i] = ROW(q, batch, q_token(row_query[row_of(i)]), row_head[row_of(i)]);
    UNROLL(j, MK)
        k_begin[j] = ROW(k, batch, k_token(key + tx + j * TX), kv_head);
    clear_products();
    [[dont_unroll]] for (uint d = 0; d < HEAD_DIM / 4 * 4; d += 4) {
        add_elements(q_begin, k_begin, d, 4);
        if (d % RUN == RUN - 4)
            end_run();
    }
    if (HEAD_DIM % 4 != 0)
        add_elements(q_begin, k_begin, HEAD_DIM / 4 * 4, HEAD_DIM % 4);
    end_run();
}

// Columns of v from `column` on, of those from element `begin` on. Those past the last one repeat
// others, and are not written.
vec4 load_v(uint begin, uint column)
{
    vec4 x;
    if (V_TILE % 4 == 0)
        begin += min(column, n_columns - 4);
    UNROLL(u, 4)
        x[u] = LOAD(V_DTYPE, v, begin + (V_TILE % 4 == 0 ? u : min(column + u, n_columns - 1)));
    return x;
}

void weighted_values(uint key, bool is_whole)
{
    [[dont_unroll]] for (uint x = 0; x < TILE_K; x++) {
        float px[MQ];
        uint begin = ROW(v, batch, k_token(key + x), kv_head) + first_column;
        UNROLL(i, MQ)
            px[i] = p_tile[row_of(i) * P_STRIDE + x / 4][x % 4];
        UNROLL(c, NV)
            add_values(c, px, load_v(begin, 4 * (tx + c * TX)), is_whole);
    }
}
