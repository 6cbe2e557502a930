// SPDX-License-Identifier: MIT
// From a variant to SPIR-V.
#include "vk.h"

#include <stdio.h>

#include "variant.h"

// The #define lines of a variant; its numbers are specialization constants and not here.
static void write_preamble(const struct gyre_variant *variant, char *text, size_t size)
{
    const struct gyre_kernel *kernel = variant->kernel;
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < gyre_kernel_n_defs(kernel) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "#define %s %u\n", kernel->defs[i],
                                 variant->defs[i]);
    if (gyre_vk_has_args_buffer(kernel) && used < size)
        snprintf(text + used, size - used, "#define ARGS_BINDING %u\n", kernel->n_bufs);
}

enum gyre_status gyre_vk_shader_get(struct vk_device *device, const struct gyre_variant *variant,
                                    struct vk_shader *out)
{
    char preamble[512];
    write_preamble(variant, preamble, sizeof(preamble));
    enum gyre_status status = gyre_vk_shader_make(device, variant->kernel->name, preamble, out);
    if (status == GYRE_OK)
        gyre_vk_shader_unbind(out, variant->absent);
    return status;
}
