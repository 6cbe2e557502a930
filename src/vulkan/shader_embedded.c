// SPDX-License-Identifier: MIT
// SPIR-V made at build time, where no compiler is to be had at run time.
#include "shader_embedded.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vk.h"

static const struct vk_embedded *find(const char *name, const char *preamble)
{
    const struct vk_embedded *e = gyre_vk_embedded;
    while (e->name != NULL && (strcmp(e->name, name) != 0 || strcmp(e->preamble, preamble) != 0))
        e++;
    return e->name != NULL ? e : NULL;
}

enum gyre_status gyre_vk_shader_make(struct vk_device *device, const char *name,
                                     const char *preamble, struct vk_shader *out)
{
    const struct gyre_log *log = &device->base.log;
    const struct vk_embedded *embedded = find(name, preamble);
    if (embedded == NULL) { // another kernel may do
        gyre_log_write(log, GYRE_LOG_INFO,
                       "vulkan: built without glslang, and %s is not embedded for\n%s", name,
                       preamble);
        return GYRE_UNSUPPORTED;
    }
    out->words = malloc(embedded->size);
    if (out->words == NULL)
        return gyre_fail(log, GYRE_NO_MEMORY, "vulkan: no memory for a shader");
    memcpy(out->words, embedded->words, embedded->size);
    out->size = embedded->size;
    out->hash = XXH3_64bits(embedded->words, embedded->size);
    return GYRE_OK;
}
