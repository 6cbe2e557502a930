// SPDX-License-Identifier: MIT
// scores.comp with STAGE_SUMS: for each key of the tile, over the last queries of the sequence,
//
//   sum exp(s - lse) w   w = exp(lse) / (exp(lse) + exp(sink))
//
// of masked scores s. A group walks over all tiles of queries.
float sums[MK];                 // of this work-item's keys over its own queries
shared float part[TY * TILE_K]; // (TY, TILE_K)

void add_row(uint i, uint query)
{
    float row_lse = lse[ROW(lse, batch, head, q_token(query))];
    float weight = inverse_sum(1.0, row_lse, LISTED(a.extras.sinks, sinks, head, NEG_INF));
    UNROLL(j, MK) {
        float score = finished(s[i][j], query, first_key + tx + j * TX);
        sums[j] += is_neg_inf(score) ? 0.0 : exp_neg(score - row_lse) * weight;
    }
}

void add_tile()
{
    UNROLL(i, MQ) {
        uint query = first_query + ty * MQ + i;
        if (query < n_queries())
            add_row(i, query);
    }
}

// Adds up the shares of the work-items of a key.
void write_sums()
{
    UNROLL(j, MK)
        part[ty * TILE_K + tx + j * TX] = sums[j];
    barrier();
    for (uint x = gl_LocalInvocationIndex; x < TILE_K && first_key + x < n_keys(); x += WG) {
        uint at = a.scores_offset + batch * a.scores_stride[0] + head * a.scores_stride[1] +
                  k_token(first_key + x);
        float sum = a.adds_sums != 0u ? result[at] : 0.0;
        for (uint y = 0; y < TY; y++)
            sum += part[y * TILE_K + x];
        result[at] = sum;
    }
}

void walk_queries()
{
    uint n = a.n_sum_queries;
    UNROLL(j, MK)
        sums[j] = 0.0;
    for (first_query = n != 0u && n < n_queries() ? n_queries() - n : 0u; first_query < n_queries();
         first_query += TILE_Q) {
        if (first_key >= own_len ||
            !may_see(first_query, min(first_query + TILE_Q, n_queries()) - 1, k_min, k_max))
            continue;
        find_products();
        add_tile();
    }
    write_sums();
}
