// SPDX-License-Identifier: MIT
// Cases of gyre_attention. Zero is the default of every field.
#ifndef CASES_ATTENTION_H
#define CASES_ATTENTION_H

#include <gyre/attention.h>

#include "cases/cases.h"

enum attention_mask {
    ATTENTION_MASK_NONE = 0,
    ATTENTION_MASK_F32, // additive, with some -inf
    ATTENTION_MASK_F16,
    ATTENTION_MASK_BF16,
    ATTENTION_MASK_U8,
    ATTENTION_MASK_BITS,
};

// Axes along which the mask differs; along the others it is broadcast.
enum { MASK_BATCH = 1, MASK_HEAD = 2, MASK_QUERY = 4 };

// Where keys stand, of a sequence of n.
enum attention_positions {
    ATTENTION_IN_ORDER = 0, // key j at j, without a tensor that says so
    ATTENTION_AS_SAID,      // there too, and the tensor says so
    ATTENTION_RING,         // from 2 n / 3 on, then from 0
    ATTENTION_SPARSE,       // at 3 j
    ATTENTION_BACKWARDS,
    ATTENTION_ANYWHERE, // at random in [-n / 2, 3 n / 2), some of them twice
    ATTENTION_EXTREME,  // one in two at an end of 32 bits or of what positions reach
};

// Which coordinates a rotation is given, and how.
enum { COORDS_Q = 1, COORDS_K = 2, COORDS_I64 = 4, COORDS_ONE_AXIS = 8, COORDS_SHARED = 16 };

struct attention_case {
    const char *name;
    unsigned dtypes;              // CASE_* bits
    uint32_t n_batch;             // sequences, packed or not; 0: 1
    uint32_t q_len, kv_len;       // of packed sequences all tokens
    uint32_t n_heads, n_kv_heads; // 0: 1, as many as n_heads
    uint32_t head_dim, v_dim;     // v_dim 0: head_dim
    float scale, softcap;
    bool is_causal;
    enum gyre_align align;
    int32_t q_start;
    uint32_t window_left, window_right, window_keep, n_prefix;
    enum attention_mask mask;
    unsigned mask_axes;                // MASK_* bits
    bool is_mask_repeated;             // broadcast by stride 0, not by length 1
    bool has_hidden_rows;              // the mask hides every key from each third query
    bool is_all_hidden;                // the mask hides everything
    const int32_t *kv_lens, *q_starts; // (n_batch); NULL: none
    // Packed sequences: (n_batch + 1); NULL: not.
    const int32_t *cu_q_lens, *cu_kv_lens;
    uint32_t max_q_len, max_kv_len;
    enum attention_positions k_positions;
    int32_t k_shift;             // added to them
    bool are_k_positions_shared; // by all sequences; else each is shifted by 5 more
    uint32_t n_relative;         // relative key embeddings, an odd number; 0: none
    enum gyre_dtype relative_dtype;
    bool is_relative_shared;    // by all heads
    uint32_t dim2, n_kv_heads2; // of a second part; 0: none, as many as n_kv_heads
    bool rotates_q, rotates_k;
    struct gyre_rope_config rope; // but for its head_dim
    unsigned coords;              // COORDS_* bits
    int32_t coords_start;         // about where they are
    bool has_alibi, has_sinks;
    double sink;         // mean of the sinks, whose deviation is 1
    bool has_nan_beyond; // what belongs to no sequence holds NaN, values infinity
    bool has_nan_key;    // the middle key and value hold NaN, the next value infinity
    bool has_nan_ahead;  // relative embeddings of keys ahead of the query hold NaN
    bool has_lse, has_no_out;
    bool has_scores;
    enum gyre_scores_stage stage;
    bool has_key_sums, adds_key_sums;
    uint32_t n_sum_queries;
    bool is_deterministic;
    double kv_magnitude; // deviation of keys and values; 0: 1
    bool is_qk_largest;  // elements of q and k are f16's largest number, of any sign
    bool has_no_v;
    bool is_v_in_k; // v is the front of k, as in multi-head latent attention
    bool is_head_major, is_unaligned;
    uint32_t row_gap;
    uint32_t check_step; // only each n-th query is compared (not of key sums); 0: all
};

// Tables by subject, each ended by a row without a name.
extern const struct attention_case attention_cases[];        // what most problems have
extern const struct attention_case attention_key_cases[];    // where keys stand, relative keys
extern const struct attention_case attention_packed_cases[]; // packed sequences
extern const struct attention_case attention_head_cases[];   // second parts, rotations
extern const struct attention_case attention_sum_cases[];    // sums over queries
extern const struct attention_case attention_split_cases[];  // tiles of queries that split keys
extern const struct attention_case attention_f16_cases[];    // sums in f16

struct attention_run;

// As case_operator.prepare, for any case.
struct attention_run *attention_prepare(struct session *session, const struct attention_case *row,
                                        const struct case_dtypes *dtypes, uint64_t seed,
                                        struct result *result);
const struct gyre_attention_params *attention_run_params(const struct attention_run *run);
enum gyre_status attention_run_enqueue(struct attention_run *run);
void attention_run_check(struct attention_run *run, struct result *result);
void attention_run_destroy(struct attention_run *run);

#endif
