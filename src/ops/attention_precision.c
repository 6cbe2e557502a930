// SPDX-License-Identifier: MIT
// What attention's products are summed in: obeyed or refused.
#include "ops/attention_plan.h"

static bool is_stored_in(const struct gyre_attention_problem *p, enum gyre_dtype dtype)
{
    return p->q.dtype == dtype && p->k.dtype == dtype && (!p->v.is_present || p->v.dtype == dtype);
}

// Rotated or in two parts: what kernels multiply is then not what is stored.
static bool is_reordered(const struct gyre_attention_problem *p)
{
    return p->rope != NULL || p->dim2 != 0;
}

static const char *refuse_bf16_dots(const struct gyre_device_info *info,
                                    const struct gyre_attention_problem *p)
{
    if (!info->has_bf16_dot)
        return "no bf16 dot products here";
    if (!is_stored_in(p, GYRE_BF16))
        return "bf16 dot products of what is not stored in bf16";
    return is_reordered(p) ? "bf16 dot products of heads that are rotated or in two parts" : NULL;
}

static const char *refuse_f16_sums(const struct gyre_device_info *info,
                                   const struct gyre_attention_problem *p)
{
    if (info->type == GYRE_DEVICE_CPU)
        return "f16 sums are for GPUs";
    if (!info->has_f16_math)
        return "no f16 arithmetic here";
    if (!is_stored_in(p, GYRE_F16))
        return "f16 sums of what is not stored in f16";
    return is_reordered(p) ? "f16 sums of heads that are rotated or in two parts" : NULL;
}

const char *gyre_attention_refuse_precision(const struct gyre_device_info *info,
                                            const struct gyre_attention_problem *p)
{
    if (p->precision == GYRE_ATTENTION_BF16_DOTS)
        return refuse_bf16_dots(info, p);
    return p->precision == GYRE_ATTENTION_F16_SUMS ? refuse_f16_sums(info, p) : NULL;
}

uint32_t gyre_attention_precision_extra(const struct gyre_attention_problem *p)
{
    static const uint32_t extras[] = {
        [GYRE_ATTENTION_F32] = 0,
        [GYRE_ATTENTION_F16_SUMS] = EXTRA_F16_SUMS,
        [GYRE_ATTENTION_BF16_DOTS] = EXTRA_BF16_DOTS,
    };
    return extras[p->precision];
}
