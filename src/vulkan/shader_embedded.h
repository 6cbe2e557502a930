// SPDX-License-Identifier: MIT
// Table of SPIR-V made at build time by scripts/embed_spirv.py.
#ifndef GYRE_VULKAN_SHADER_EMBEDDED_H
#define GYRE_VULKAN_SHADER_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

struct vk_embedded {
    const char *name;     // of the kernel
    const char *preamble; // #define lines of the variant
    const uint32_t *words;
    size_t size; // bytes
};

// Ended by a NULL name.
extern const struct vk_embedded gyre_vk_embedded[];

#endif
