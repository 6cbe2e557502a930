// SPDX-License-Identifier: MIT
// SPIR-V compiled at run time from the kernels' sources, and kept on disk.
#include "vk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "source.h"

enum { SPIRV_MAGIC = 0x07230203 };

static bool is_spirv(const void *data, size_t size)
{
    const uint32_t magic = SPIRV_MAGIC;
    return size >= 20 && size % sizeof(uint32_t) == 0 && memcmp(data, &magic, sizeof(magic)) == 0;
}

static bool load(struct vk_device *device, const char *key, struct vk_shader *out)
{
    void *data;
    size_t size;
    if (!gyre_cache_get(device->base.cache, key, &data, &size))
        return false;
    if (!is_spirv(data, size)) {
        free(data);
        return false;
    }
    out->words = data;
    out->size = size;
    return true;
}

static uint64_t hash_text(const char *preamble, const char *source)
{
    return XXH3_64bits_withSeed(source, strlen(source), XXH3_64bits(preamble, strlen(preamble)));
}

// The preamble, and what only this device can do: embedded modules must fit any.
static void write_defines(const struct vk_device *device, const char *preamble, char *text,
                          size_t size)
{
    snprintf(text, size, "%s%s", device->can_keep_nan ? "#define KEEP_NAN\n" : "", preamble);
}

enum gyre_status gyre_vk_shader_make(struct vk_device *device, const char *name,
                                     const char *preamble, struct vk_shader *out)
{
    const struct gyre_log *log = &device->base.log;
    char path[64], key[160], defines[640], *source = NULL;
    snprintf(path, sizeof(path), "shaders/%s.comp", name);
    enum gyre_status status = gyre_source_get(log, path, &source);
    if (status != GYRE_OK)
        return status;
    write_defines(device, preamble, defines, sizeof(defines));
    out->hash = hash_text(defines, source);
    snprintf(key, sizeof(key), "vulkan spirv, gyre %s, %s, source %016llx", gyre_version(), name,
             (unsigned long long)out->hash);
    if (!load(device, key, out)) {
        status = gyre_glslang_compile(log, name, defines, source, out);
        if (status == GYRE_OK)
            gyre_cache_put(device->base.cache, key, out->words, out->size);
    }
    free(source);
    return status;
}
