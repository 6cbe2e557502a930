// SPDX-License-Identifier: MIT
// What attention's products are summed in: obeyed or refused.
#include "ops/attention_plan.h"

static const char *refuse_bf16_dots(const struct gyre_device_info *info,
                                    const struct gyre_attention_problem *p)
{
    bool is_bf16 = p->q.dtype == GYRE_BF16 && p->k.dtype == GYRE_BF16 &&
                   (!p->v.is_present || p->v.dtype == GYRE_BF16);
    if (!info->has_bf16_dot)
        return "no bf16 dot products here";
    if (!is_bf16)
        return "bf16 dot products of what is not stored in bf16";
    return p->rope != NULL || p->dim2 != 0
               ? "bf16 dot products of heads that are rotated or in two parts"
               : NULL;
}

const char *gyre_attention_refuse_precision(const struct gyre_device_info *info,
                                            const struct gyre_attention_problem *p)
{
    if (p->precision == GYRE_ATTENTION_BF16_DOTS)
        return refuse_bf16_dots(info, p);
    return p->precision == GYRE_ATTENTION_F16_SUMS ? "no kernel sums in f16" : NULL;
}

uint32_t gyre_attention_precision_extra(const struct gyre_attention_problem *p)
{
    return p->precision == GYRE_ATTENTION_BF16_DOTS ? EXTRA_BF16_DOTS : 0;
}
