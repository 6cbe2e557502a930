// SPDX-License-Identifier: MIT
// A plan of attention in words.
#include <string.h>

#include "kernels.h"
#include "ops/attention_plan.h"
#include "ops/attention_routes.h"

void gyre_attention_explain_problem(const struct gyre_device_info *info,
                                    const struct gyre_attention_problem *p, struct gyre_text *text)
{
    static const struct {
        uint32_t extra;
        const char *name;
    } extras[] = {
        {EXTRA_ALIBI, "ALiBi"},
        {EXTRA_POSITIONS, "keys at positions of their own"},
        {EXTRA_RELATIVE, "relative keys"},
        {EXTRA_PACKED, "packed sequences"},
        {EXTRA_ROTATED_Q, "queries rotated while they are loaded"},
        {EXTRA_ROTATED_K, "keys rotated while they are loaded"},
        {EXTRA_SECOND, "queries and keys in two parts"},
    };
    gyre_text_add(text, "attention on %s (%s)\n", info->id, info->name);
    gyre_text_add(text, "  storage: q %s, k %s, v %s; softmax: f32\n", gyre_dtype_name(p->q.dtype),
                  gyre_dtype_name(p->k.dtype), gyre_dtype_name(p->v.dtype));
    for (size_t i = 0; i < sizeof(extras) / sizeof(*extras); i++)
        if (gyre_attention_extras(p) & extras[i].extra)
            gyre_text_add(text, "  with: %s\n", extras[i].name);
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
