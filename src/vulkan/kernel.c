// SPDX-License-Identifier: MIT
// Pipelines: one per variant, made when first needed and kept with the device.
#include "vk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "variant.h"

static uint32_t n_storage(const struct gyre_kernel *kernel, uint32_t absent)
{
    return kernel->n_bufs - (uint32_t)__builtin_popcount(absent);
}

// Which buffers have no binding: those that are absent, where a device has not enough for all.
static uint32_t unbound(const struct vk_device *device, const struct gyre_variant *variant)
{
    return n_storage(variant->kernel, 0) <= device->max_bindings ? 0 : variant->absent;
}

static enum gyre_status create_set_layout(struct vk_device *device, struct vk_kernel *kernel)
{
    VkDescriptorSetLayoutBinding bindings[GYRE_MAX_BUFS + 1];
    const struct gyre_kernel *what = kernel->variant.kernel;
    const uint32_t n_all = what->n_bufs + gyre_vk_has_args_buffer(what);
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_all; i++)
        if ((kernel->variant.absent >> i & 1u) == 0)
            bindings[n++] = (VkDescriptorSetLayoutBinding){
                .binding = i,
                .descriptorType = gyre_vk_binding_type(what, i),
                .descriptorCount = 1,
                .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            };
    const VkDescriptorSetLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = n,
        .pBindings = bindings,
    };
    return gyre_vk_check(
        &device->base.log,
        device->fn.CreateDescriptorSetLayout(device->handle, &create, NULL, &kernel->set_layout),
        "vkCreateDescriptorSetLayout");
}

static enum gyre_status create_layout(struct vk_device *device, struct vk_kernel *kernel)
{
    const VkPushConstantRange push = {
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        .size = kernel->variant.kernel->args_size,
    };
    const VkPipelineLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &kernel->set_layout,
        .pushConstantRangeCount = gyre_vk_has_args_buffer(kernel->variant.kernel) ? 0 : 1,
        .pPushConstantRanges = &push,
    };
    return gyre_vk_check(
        &device->base.log,
        device->fn.CreatePipelineLayout(device->handle, &create, NULL, &kernel->layout),
        "vkCreatePipelineLayout");
}

// Key of the driver's own code for a variant.
static void pipeline_key(const struct vk_device *device, const struct gyre_variant *variant,
                         uint64_t hash, char *key, size_t size)
{
    char text[256];
    gyre_variant_describe(variant, text, sizeof(text));
    snprintf(key, size, "vulkan pipeline, gyre %s, device %s, %s, absent %x, source %016llx",
             gyre_version(), device->cache_tag, text, variant->absent, (unsigned long long)hash);
}

// A pipeline cache for one pipeline, filled from disk; *was_hit says whether it was there.
static VkPipelineCache open_cache(struct vk_device *device, const char *key, bool *was_hit)
{
    VkPipelineCache cache = VK_NULL_HANDLE;
    void *data = NULL;
    size_t size = 0;
    *was_hit = gyre_cache_get(device->base.cache, key, &data, &size);
    const VkPipelineCacheCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size,
        .pInitialData = data,
    };
    if (device->fn.CreatePipelineCache(device->handle, &create, NULL, &cache) != VK_SUCCESS)
        cache = VK_NULL_HANDLE; // only speed is lost
    free(data);
    return cache;
}

static void save_cache(struct vk_device *device, VkPipelineCache cache, const char *key)
{
    size_t size = 0;
    if (device->base.cache == NULL || cache == VK_NULL_HANDLE ||
        device->fn.GetPipelineCacheData(device->handle, cache, &size, NULL) != VK_SUCCESS)
        return;
    void *data = malloc(size);
    if (data != NULL &&
        device->fn.GetPipelineCacheData(device->handle, cache, &size, data) == VK_SUCCESS)
        gyre_cache_put(device->base.cache, key, data, size);
    free(data);
}

static VkResult create_pipeline(struct vk_device *device, struct vk_kernel *kernel,
                                VkShaderModule module, VkPipelineCache cache)
{
    VkSpecializationMapEntry entries[GYRE_MAX_CONSTS];
    const uint32_t n = gyre_kernel_n_consts(kernel->variant.kernel);
    for (uint32_t i = 0; i < n; i++)
        entries[i] =
            (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t), sizeof(uint32_t)};
    const VkSpecializationInfo specialization = {
        .mapEntryCount = n,
        .pMapEntries = entries,
        .dataSize = n * sizeof(uint32_t),
        .pData = kernel->variant.consts,
    };
    const VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = &specialization,
            },
        .layout = kernel->layout,
    };
    return device->fn.CreateComputePipelines(device->handle, cache, 1, &create, NULL,
                                             &kernel->pipeline);
}

static enum gyre_status build_pipeline(struct vk_device *device, struct vk_kernel *kernel,
                                       const struct vk_shader *shader)
{
    const VkShaderModuleCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = shader->size,
        .pCode = shader->words,
    };
    char key[512];
    bool was_hit;
    VkShaderModule module;
    VkResult result = device->fn.CreateShaderModule(device->handle, &create, NULL, &module);
    if (result < 0)
        return gyre_vk_check(&device->base.log, result, "vkCreateShaderModule");
    pipeline_key(device, &kernel->variant, shader->hash, key, sizeof(key));
    VkPipelineCache cache = open_cache(device, key, &was_hit);
    result = create_pipeline(device, kernel, module, cache);
    if (result == VK_SUCCESS && !was_hit)
        save_cache(device, cache, key);
    device->fn.DestroyPipelineCache(device->handle, cache, NULL);
    device->fn.DestroyShaderModule(device->handle, module, NULL);
    enum gyre_status status = gyre_vk_check(&device->base.log, result, "vkCreateComputePipelines");
    return status == GYRE_DEVICE ? GYRE_COMPILE : status;
}

// Drivers accept what is too large, so it is refused here. Another plan may do: no error.
static enum gyre_status check_limits(const struct vk_device *device,
                                     const struct gyre_variant *variant,
                                     const struct vk_shader *shader)
{
    const struct gyre_device_info *info = &device->base.info;
    const struct vk_needs needs =
        gyre_vk_shader_needs(shader, variant->consts, gyre_kernel_n_consts(variant->kernel));
    const struct {
        const char *what;
        uint32_t wanted, limit;
    } checks[] = {
        {"work-items of a group", variant->consts[0], info->max_group_size},
        {"bytes of local memory", needs.local_size, info->local_size},
        {"storage buffers", n_storage(variant->kernel, variant->absent), device->max_bindings},
        {"16-bit storage", needs.f16_storage, info->has_f16_storage},
        {"f16 arithmetic", needs.f16_math, info->has_f16_math},
    };
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (checks[i].wanted <= checks[i].limit)
            continue;
        gyre_log_write(&device->base.log, GYRE_LOG_INFO, "vulkan: %s: %s: wants %u, %s has %u",
                       variant->kernel->name, checks[i].what, checks[i].wanted, info->id,
                       checks[i].limit);
        return GYRE_UNSUPPORTED;
    }
    return GYRE_OK;
}

static void kernel_destroy(struct vk_device *device, struct vk_kernel *kernel)
{
    device->fn.DestroyPipeline(device->handle, kernel->pipeline, NULL);
    device->fn.DestroyPipelineLayout(device->handle, kernel->layout, NULL);
    device->fn.DestroyDescriptorSetLayout(device->handle, kernel->set_layout, NULL);
    free(kernel);
}

static enum gyre_status build(struct vk_device *device, struct vk_kernel *kernel)
{
    struct vk_shader shader = {0};
    enum gyre_status status = gyre_vk_shader_get(device, &kernel->variant, &shader);
    if (status == GYRE_OK)
        status = check_limits(device, &kernel->variant, &shader);
    if (status == GYRE_OK)
        status = create_set_layout(device, kernel);
    if (status == GYRE_OK)
        status = create_layout(device, kernel);
    if (status == GYRE_OK)
        status = build_pipeline(device, kernel, &shader);
    free(shader.words);
    return status;
}

// What cannot be prepared now never can, and is kept too; other failures may pass.
static bool is_lasting(enum gyre_status status)
{
    return status == GYRE_OK || status == GYRE_UNSUPPORTED || status == GYRE_COMPILE;
}

static enum gyre_status kernel_create(struct vk_device *device, const struct gyre_variant *variant,
                                      struct vk_kernel **out)
{
    char text[256];
    struct vk_kernel *kernel = calloc(1, sizeof(*kernel));
    if (kernel == NULL)
        return gyre_fail(&device->base.log, GYRE_NO_MEMORY, "vulkan: no memory for a kernel");
    kernel->variant = *variant;
    gyre_variant_describe(variant, text, sizeof(text));
    gyre_log_write(&device->base.log, GYRE_LOG_DEBUG, "vulkan: preparing %s", text);
    enum gyre_status status = kernel->status = build(device, kernel);
    if (!is_lasting(status)) {
        kernel_destroy(device, kernel);
        kernel = NULL;
    }
    *out = kernel;
    return status;
}

static struct vk_kernel *find(const struct vk_device *device, const struct gyre_variant *variant)
{
    struct vk_kernel *kernel = device->kernels;
    while (kernel != NULL && !(gyre_variant_equal(&kernel->variant, variant) &&
                               kernel->variant.absent == variant->absent))
        kernel = kernel->next;
    return kernel;
}

enum gyre_status gyre_vk_kernel_get(struct vk_device *device, const struct gyre_variant *wanted,
                                    const struct vk_kernel **out)
{
    struct gyre_variant variant = *wanted;
    variant.absent = unbound(device, wanted);
    pthread_mutex_lock(&device->kernels_lock);
    struct vk_kernel *kernel = find(device, &variant);
    enum gyre_status status = kernel != NULL ? kernel->status : GYRE_OK;
    if (kernel == NULL) {
        status = kernel_create(device, &variant, &kernel);
        if (kernel != NULL) {
            kernel->next = device->kernels;
            device->kernels = kernel;
        }
    }
    pthread_mutex_unlock(&device->kernels_lock);
    *out = kernel;
    return status;
}

enum gyre_status gyre_vk_prepare(struct gyre_device *device, const struct gyre_variant *variant)
{
    const struct vk_kernel *kernel;
    return gyre_vk_kernel_get((struct vk_device *)device, variant, &kernel);
}

void gyre_vk_kernels_destroy(struct vk_device *device)
{
    while (device->kernels != NULL) {
        struct vk_kernel *next = device->kernels->next;
        kernel_destroy(device, device->kernels);
        device->kernels = next;
    }
}
