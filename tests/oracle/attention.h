// SPDX-License-Identifier: MIT
// Attention in double precision, row by row, straight from its definition (ONNX Attention, opset
// 25, with windows and a prefix, lengths, key positions, relative keys, ALiBi and sinks). Slow and
// plain on purpose: what every device is held against. Heads that come in two parts or are rotated
// are made by oracle/attention_heads.h; packed sequences (oracle/attention_packed.h) are one
// definition each.
#ifndef ORACLE_ATTENTION_H
#define ORACLE_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

struct oracle_attention {
    size_t n_batch, q_len, kv_len, n_heads, n_kv_heads, head_dim, v_dim;
    const double *q;    // (n_batch, q_len, n_heads, head_dim)
    const double *k;    // (n_batch, kv_len, n_kv_heads, head_dim)
    const double *v;    // (n_batch, kv_len, n_kv_heads, v_dim)
    const double *mask; // (n_batch, n_heads, q_len, kv_len), added; -inf hides; NULL: none
    double scale;       // 0: 1/sqrt(head_dim)
    double softcap;     // 0: none
    int is_causal;
    int64_t q_start; // position of query row 0
    int is_at_end;   // q_start counts from where the last query stands at the last key
    uint64_t window_left, window_right; // 0: unlimited
    uint64_t window_keep, n_prefix;
    // What sequences (n_batch) and heads (n_heads) have of their own; NULL: nothing.
    const int32_t *kv_lens;       // keys, at most kv_len
    const int32_t *q_starts;      // added to q_start
    const double *slopes, *sinks; // of ALiBi; logits that only the softmax's sum sees
    const int32_t *k_positions;   // (n_batch, kv_len) where keys stand; NULL: key j at j
    const double *relative;       // (n_relative, n_kv_heads, head_dim) for distances k_pos - q_pos
    size_t n_relative;            // from -(n_relative / 2) on, the middle one 0; NULL: none
};

// Forms of a row of scores.
enum oracle_stage { ORACLE_RAW, ORACLE_CAPPED, ORACLE_MASKED, ORACLE_PROBS, ORACLE_N_STAGES };

// One row of the result, for query i of q head h of batch b.
struct oracle_attention_row {
    double *scores[ORACLE_N_STAGES]; // (kv_len) each, the caller's
    double *out;                     // (v_dim), the caller's
    double lse;
};

void oracle_attention_row(const struct oracle_attention *attention, size_t b, size_t h, size_t i,
                          struct oracle_attention_row *row);

// Where query i and key j of batch b stand.
int64_t oracle_attention_q_position(const struct oracle_attention *attention, size_t b, size_t i);
int64_t oracle_attention_k_position(const struct oracle_attention *attention, size_t b, size_t j);

// Whether length, causality, window and prefix let query i of batch b see key j; masks come on top.
int oracle_attention_sees(const struct oracle_attention *attention, size_t b, size_t i, size_t j);

#endif
