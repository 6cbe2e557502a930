// SPDX-License-Identifier: MIT
// attention.comp with STAGED 0: raw scores and weighted values, q, k and v from global memory.

uint q_begin[MQ];

void find_q()
{
    [[unroll]] for (uint i = 0; i < MQ; i++)
        q_begin[i] = ROW(q, batch, q_token(query_of(row_of(i))), head_of(kv_head, row_of(i)));
}

// Elements i to i + 3 of which the first n exist; zeros for the rest.
#define LOAD4(dtype, buf, i, n)                                                                    \
    vec4(LOAD(dtype, buf, i), (n) > 1 ? LOAD(dtype, buf, (i) + 1) : 0.0,                           \
         (n) > 2 ? LOAD(dtype, buf, (i) + 2) : 0.0, (n) > 3 ? LOAD(dtype, buf, (i) + 3) : 0.0)

// Products of elements [d, d + n), n at most 4.
void add_elements(uint k_begin[MK], uint d, uint n)
{
    real4 qx[MQ], kx[MK];
    [[unroll]] for (uint i = 0; i < MQ; i++)
        qx[i] = real4(SHRUNK(ty * MQ + i, LOAD4(Q_DTYPE, q, q_begin[i] + d, n)));
    [[unroll]] for (uint j = 0; j < MK; j++)
        kx[j] = real4(LOAD4(K_DTYPE, k, k_begin[j] + d, n));
    add_products(qx, kx);
}

void raw_scores(uint key)
{
    uint k_begin[MK];
    [[unroll]] for (uint j = 0; j < MK; j++)
        k_begin[j] = ROW(k, batch, k_token(key + tx + j * TX), kv_head);
    clear_products();
    for (uint d = 0; d < HEAD_DIM / 4 * 4; d += 4) {
        add_elements(k_begin, d, 4);
        if (d % RUN == RUN - 4)
            end_run();
    }
    if (HEAD_DIM % 4 != 0)
        add_elements(k_begin, HEAD_DIM / 4 * 4, HEAD_DIM % 4);
    end_run();
}

void weighted_values(uint key, bool is_whole)
{
    for (uint x = 0; x < TILE_K; x++) {
        float px[MQ];
        vec4 vx[NV];
        uint begin = ROW(v, batch, k_token(key + x), kv_head) + first_column;
        [[unroll]] for (uint i = 0; i < MQ; i++)
            px[i] = p_tile[(ty * MQ + i) * P_STRIDE + x / 4][x % 4];
        [[unroll]] for (uint c = 0; c < NV; c++) {
            uint column = 4 * (tx + c * TX);
            vx[c] = column < n_columns ? LOAD4(V_DTYPE, v, begin + column, n_columns - column)
                                       : vec4(0.0);
        }
        add_values(px, vx, is_whole);
    }
}
