// SPDX-License-Identifier: MIT
// What a model's RoPE is: its frequencies, which position each of them follows, and one amplitude,
// from the configuration that the model was trained with. Names are those of Hugging Face's
// config.json. Everything here is host work in double precision and needs no device.
// Threads: every function may be called from any thread.
#ifndef GYRE_ROPE_CONFIG_H
#define GYRE_ROPE_CONFIG_H

#include <gyre/common.h>
#include <gyre/log.h>

#ifdef __cplusplus
extern "C" {
#endif

// Which elements of a head form pair j.
enum gyre_rope_pairing {
    GYRE_ROPE_HALF = 0,    // (j, j + rotary_dim/2): Hugging Face checkpoints, GPT-NeoX
    GYRE_ROPE_INTERLEAVED, // (2j, 2j + 1): RoFormer, GPT-J, LLaMA as Meta publishes it
};

// Where the frequencies come from ("rope_type"). With d = rotary_dim and f[j] = theta^(-2j/d):
enum gyre_rope_kind {
    GYRE_ROPE_DEFAULT = 0, // f[j] (RoFormer, arXiv 2104.09864, section 3.2.2)
    GYRE_ROPE_LINEAR,      // f[j] / factor (position interpolation, arXiv 2306.15595)
    GYRE_ROPE_NTK,         // f[j] of the base theta factor^(d/(d-2)) ("NTK-aware"; HunYuan's alpha)
    // NTK with factor * seq_len / original_len - (factor - 1) for factor, once seq_len exceeds
    // original_len; DEFAULT up to there.
    GYRE_ROPE_DYNAMIC,
    // f[j] above beta_fast turns over original_len, f[j] / factor below beta_slow turns, between
    // them a blend, linear in j (arXiv 2309.00071).
    GYRE_ROPE_YARN,
    // f[j] / short_factor[j], or / long_factor[j] once seq_len exceeds original_len (arXiv
    // 2402.13753; Phi-3).
    GYRE_ROPE_LONGROPE,
    // f[j] for waves shorter than original_len / high_freq_factor, f[j] / factor for waves longer
    // than original_len / low_freq_factor, between them a blend, linear in 1/wave (Llama 3.1).
    GYRE_ROPE_LLAMA3,
    // theta^(-2j/head_dim) / factor for the first partial_rotary_factor of head_dim/2 pairs, and 0,
    // no rotation, for the others (Gemma). All of the head is the window: no rotary_dim.
    GYRE_ROPE_PROPORTIONAL,
};

// Which coordinate of a position each pair follows, for models whose positions have several.
enum gyre_rope_axes {
    GYRE_ROPE_ONE_AXIS = 0,
    GYRE_ROPE_SECTIONS, // sections[x] pairs in a row follow axis x: M-RoPE (Qwen2-VL)
    // Pair j follows axis x > 0 where j % n == x and j < n sections[x], else axis 0; n axes
    // (interleaved M-RoPE: Qwen3-VL).
    GYRE_ROPE_SECTIONS_INTERLEAVED,
    // Axis 0 turns the first half of the pairs, axis 1 the second, both at the frequencies of a
    // head of rotary_dim/2: images (Qwen2-VL's vision tower: row, then column).
    GYRE_ROPE_VISION,
};

enum { GYRE_ROPE_MAX_AXES = 4 };

// A configuration. Zero is the default of every field; arrays are read during the call only.
struct gyre_rope_config {
    uint32_t head_dim;            // elements of a head; required
    uint32_t rotary_dim;          // how many of them rotate, even; 0: see partial_rotary_factor
    uint32_t rotary_offset;       // first one that rotates
    double partial_rotary_factor; // rotary_dim = head_dim * this, rounded down; 0: 1
    enum gyre_rope_pairing pairing;

    enum gyre_rope_kind kind;
    double theta;          // "rope_theta": base of the frequencies; 0: 10000
    double factor;         // how much longer contexts may be; 0: max_len / original_len, or 1
    uint64_t original_len; // "original_max_position_embeddings"; 0: max_len
    uint64_t max_len;      // "max_position_embeddings"; DYNAMIC, YARN, LONGROPE and LLAMA3 need
                           // this or original_len
    uint64_t seq_len;      // what the table is for; strictly more than original_len switches
                           // DYNAMIC and LONGROPE, and rotated keys cached before are then stale
    double beta_fast, beta_slow;   // YARN; 0: 32 and 1
    bool is_untruncated;           // YARN: the blend's ends are not rounded to whole pairs
                                   // ("truncate": false)
    double mscale, mscale_all_dim; // YARN as DeepSeek has it; 0: absent
    double low_freq_factor, high_freq_factor; // LLAMA3; 0: 1 and 4
    const double *short_factor, *long_factor; // LONGROPE: (rotary_dim/2) each
    uint32_t n_short_factor, n_long_factor;   // their lengths, to be told when they are wrong

    // Factor on cos and sin. 0: 1, except YARN: m(mscale) / m(mscale_all_dim) when both are given,
    // else m(1), with m(s) = 1 + s ln(factor) / 10; LONGROPE: sqrt(1 + ln(factor) /
    // ln(original_len)); both 1 for a factor up to 1.
    double attention_factor;

    const double *inv_freq;     // (rotary_dim/2) radians per position, instead of kind's
    const double *freq_factors; // (rotary_dim/2) positive numbers, to divide by at the end
    bool is_f32;                // frequencies are rounded to f32, as most training code had them

    enum gyre_rope_axes axes;
    uint32_t sections[GYRE_ROPE_MAX_AXES]; // pairs of each axis, rotary_dim/2 in all
    const uint32_t *pair_axes;             // (rotary_dim/2) axis of each pair, instead of `axes`
};

// What a configuration comes to.
struct gyre_rope_facts {
    uint32_t n_pairs; // rotary_dim / 2
    uint32_t n_axes;  // coordinates of a position
    double attention_factor;
    // What the model multiplies its attention scale by: m(mscale_all_dim)^2 for YARN (DeepSeek), 1
    // otherwise.
    double softmax_scale_multiplier;
};

// Computes frequencies (radians per position) and axes of the pairs, (n_pairs) each; either may be
// NULL. INVALID names the field: head_dim 0 or beyond 2^20, rotary_dim odd or beyond head_dim,
// theta, factor or another number not finite or not positive, a list of the wrong length, sections
// that do not add up, a frequency of 2^32 or more, an attention factor outside [1e-18, 1e18].
GYRE_API enum gyre_status gyre_rope_resolve(const struct gyre_rope_config *config,
                                            const struct gyre_log *log,
                                            struct gyre_rope_facts *facts, double *inv_freq,
                                            uint32_t *pair_axes);

// Fills a cache of cosines and sines, times the attention factor: (n_positions, n_pairs) of a
// floating-point dtype each, for positions first, first + 1, ... (on every axis). Each is the true
// value, rounded once. INVALID as gyre_rope_resolve, and for a dtype that is not floating-point.
GYRE_API enum gyre_status gyre_rope_fill_cache(const struct gyre_rope_config *config,
                                               const struct gyre_log *log, int32_t first,
                                               uint32_t n_positions, enum gyre_dtype dtype,
                                               void *cos, void *sin);

// Reads a model's config.json.
struct gyre_rope_json_params {
    const char *text; // UTF-8, `size` bytes, not necessarily terminated
    size_t size;
    // Which of several rotations: the name of a layer type ("sliding_attention",
    // "full_attention"), for models that rotate differently by layer. NULL: "full_attention".
    const char *layer_type;
    uint64_t seq_len; // as in gyre_rope_config
    struct gyre_log log;
};

// Makes a configuration, whose arrays belong to it; gyre_rope_config_destroy frees both. Both
// spellings of the keys are read (rope_scaling and rope_parameters, type and rope_type), and a
// text_config inside. What a file leaves to the class of its model (which elements form a pair, how
// many rotate, the base, the head size) is known for the values of model_type that
// src/ops/rope_json_model.c lists; files of other models are read as written, with the defaults of
// struct gyre_rope_config.
// Keys about RoPE that are not known are listed in `unknown`, separated by spaces; "" when there is
// none. Characters other than letters, digits, '_', '-' and '.' are '?' there, and a list that does
// not fit `unknown_size` bytes, the terminating zero among them, ends with "...".
// INVALID: not JSON, a value of the wrong type, a key that is missing, a layer type that the model
// has not, and everything that gyre_rope_resolve refuses; UNSUPPORTED: an unknown rope_type, or a
// library built without JSON; NO_MEMORY.
GYRE_API enum gyre_status gyre_rope_config_from_json(const struct gyre_rope_json_params *params,
                                                     struct gyre_rope_config **out, char *unknown,
                                                     size_t unknown_size);
GYRE_API void gyre_rope_config_destroy(struct gyre_rope_config **config);

#ifdef __cplusplus
}
#endif

#endif
