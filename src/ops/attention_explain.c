// SPDX-License-Identifier: MIT
// A plan of attention in words.
#include <string.h>

#include "kernels.h"
#include "ops/attention_plan.h"
#include "ops/attention_routes.h"

static const char *mask_name(const struct gyre_attention_problem *p)
{
    if (p->mask.dtype != GYRE_U8)
        return "an additive mask";
    return p->is_mask_bits ? "a mask of bits" : "a mask of bytes";
}

static void explain_terms(const struct gyre_attention_problem *p, struct gyre_text *text)
{
    const uint32_t extras = gyre_attention_extras(p);
    const bool has_window = p->window_left != 0 || p->window_right != 0;
    const struct {
        bool is_there;
        const char *name;
    } terms[] = {
        {p->is_causal, "causal"},
        {has_window, "a window"},
        {has_window && p->window_keep != 0, "first keys that no window hides"},
        {p->is_causal && p->n_prefix != 0, "a prefix that causal does not hide"},
        {p->mask.is_present, mask_name(p)},
        {p->lens.is_present, "sequences of their own lengths"},
        {p->starts.is_present, "sequences of their own starts"},
        {extras & EXTRA_PACKED, "packed sequences"},
        {extras & EXTRA_POSITIONS, "keys at positions of their own"},
        {p->softcap > 0, "soft-cap"},
        {extras & EXTRA_ALIBI, "ALiBi"},
        {extras & EXTRA_RELATIVE, "relative keys"},
        {p->sinks.is_present, "sinks"},
        {extras & EXTRA_SECOND, "queries and keys in two parts"},
        {extras & EXTRA_ROTATED_Q, "queries rotated while they are loaded"},
        {extras & EXTRA_ROTATED_K, "keys rotated while they are loaded"},
    };
    for (size_t i = 0; i < sizeof(terms) / sizeof(*terms); i++)
        if (terms[i].is_there)
            gyre_text_add(text, "  with: %s\n", terms[i].name);
}

static void explain_results(const struct gyre_attention_problem *p, struct gyre_text *text)
{
    static const char *const stages[] = {
        [GYRE_SCORES_RAW] = "raw scores",
        [GYRE_SCORES_CAPPED] = "capped scores",
        [GYRE_SCORES_MASKED] = "masked scores",
        [GYRE_SCORES_PROBS] = "probabilities",
    };
    const struct {
        const struct gyre_view *view;
        const char *name;
    } results[] = {
        {&p->out, "output"},
        {&p->lse, "log-sum-exp"},
        {&p->scores, stages[p->stage]},
        {&p->key_sums, p->adds_key_sums ? "key sums, added" : "key sums"},
    };
    const char *before = "  wanted: ";
    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        if (results[i].view->is_present) {
            gyre_text_add(text, "%s%s", before, results[i].name);
            before = ", ";
        }
    gyre_text_add(text, "\n");
}

void gyre_attention_explain_problem(const struct gyre_device_info *info,
                                    const struct gyre_attention_problem *p, struct gyre_text *text)
{
    gyre_text_add(text, "attention on %s (%s)\n", info->id, info->name);
    gyre_text_add(text, "  storage: q %s, k %s, v %s; softmax: f32\n", gyre_dtype_name(p->q.dtype),
                  gyre_dtype_name(p->k.dtype), gyre_dtype_name(p->v.dtype));
    explain_terms(p, text);
    explain_results(p, text);
    if (p->is_deterministic)
        gyre_text_add(text, "  deterministic: tiles and splits do not depend on the batch\n");
}

static const char *precision_of(const struct gyre_variant *variant)
{
    const uint32_t extras = gyre_attention_variant_extras(variant);
    return extras & EXTRA_BF16_DOTS  ? "bf16 dot products"
           : extras & EXTRA_F16_SUMS ? "f16 sums"
                                     : "f32 arithmetic";
}

void gyre_attention_explain_route(const struct gyre_plan *plan, struct gyre_text *text)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct gyre_step *step = &plan->steps[i];
        const struct gyre_variant *variant = &step->dispatch.variant;
        struct gyre_attention_args args;
        if (variant->kernel != &gyre_kernel_attention &&
            variant->kernel != &gyre_kernel_attention_split)
            continue;
        memcpy(&args, step->args, sizeof(args));
        const uint32_t *tile = &variant->consts[1]; // rows, keys, head_dim, columns of v
        gyre_text_add(text, ": %s, %u rows by %u keys by %u columns of v", precision_of(variant),
                      tile[0], tile[1], tile[3]);
        if (args.n_splits > 1)
            gyre_text_add(text, ", keys in %u splits of %u", args.n_splits, args.keys_per_split);
    }
}
