// SPDX-License-Identifier: MIT
#include "variant.h"

#include <stdio.h>
#include <string.h>

static uint32_t count_names(const char *const *names, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && names[n] != NULL)
        n++;
    return n;
}

uint32_t gyre_kernel_n_defs(const struct gyre_kernel *kernel)
{
    return count_names(kernel->defs, GYRE_MAX_DEFS);
}

uint32_t gyre_kernel_n_consts(const struct gyre_kernel *kernel)
{
    return count_names(kernel->consts, GYRE_MAX_CONSTS);
}

bool gyre_variant_equal(const struct gyre_variant *a, const struct gyre_variant *b)
{
    return a->kernel == b->kernel && memcmp(a->defs, b->defs, sizeof(a->defs)) == 0 &&
           memcmp(a->consts, b->consts, sizeof(a->consts)) == 0;
}

static void append_pairs(char *text, size_t size, const char *const *names, uint32_t n,
                         const uint32_t *values)
{
    for (uint32_t i = 0; i < n; i++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, " %s=%u", names[i], values[i]);
    }
}

void gyre_variant_describe(const struct gyre_variant *variant, char *text, size_t size)
{
    const struct gyre_kernel *kernel = variant->kernel;
    snprintf(text, size, "%s", kernel->name);
    append_pairs(text, size, kernel->defs, gyre_kernel_n_defs(kernel), variant->defs);
    size_t used = strlen(text);
    snprintf(text + used, size - used, " |");
    append_pairs(text, size, kernel->consts, gyre_kernel_n_consts(kernel), variant->consts);
}
