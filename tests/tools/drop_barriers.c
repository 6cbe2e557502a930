// SPDX-License-Identifier: MIT
// A Vulkan layer that takes every vkCmdPipelineBarrier out of command buffers: what lies below it
// sees a program that forgot them. It shows that synchronisation validation would notice.
// One instance and one device at a time.
#include <string.h>

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

#define EXPORT __attribute__((visibility("default")))

static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;

static VKAPI_ATTR void VKAPI_CALL drop(VkCommandBuffer commands, VkPipelineStageFlags from,
                                       VkPipelineStageFlags to, VkDependencyFlags flags,
                                       uint32_t n_memory, const VkMemoryBarrier *memory,
                                       uint32_t n_buffers, const VkBufferMemoryBarrier *buffers,
                                       uint32_t n_images, const VkImageMemoryBarrier *images)
{
    (void)commands, (void)from, (void)to, (void)flags, (void)n_memory, (void)memory;
    (void)n_buffers, (void)buffers, (void)n_images, (void)images;
}

// The loader hands each layer a list of links down the chain; each takes one off.
static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *create,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *out)
{
    VkLayerInstanceCreateInfo *info = (VkLayerInstanceCreateInfo *)create->pNext;
    while (info != NULL && (info->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
                            info->function != VK_LAYER_LINK_INFO))
        info = (VkLayerInstanceCreateInfo *)info->pNext;
    if (info == NULL)
        return VK_ERROR_INITIALIZATION_FAILED;
    next_instance_proc = info->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    info->u.pLayerInfo = info->u.pLayerInfo->pNext;
    PFN_vkCreateInstance next =
        (PFN_vkCreateInstance)next_instance_proc(VK_NULL_HANDLE, "vkCreateInstance");
    return next(create, allocator, out);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical,
                                                    const VkDeviceCreateInfo *create,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkDevice *out)
{
    VkLayerDeviceCreateInfo *info = (VkLayerDeviceCreateInfo *)create->pNext;
    while (info != NULL && (info->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
                            info->function != VK_LAYER_LINK_INFO))
        info = (VkLayerDeviceCreateInfo *)info->pNext;
    if (info == NULL)
        return VK_ERROR_INITIALIZATION_FAILED;
    PFN_vkGetInstanceProcAddr instance_proc = info->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    next_device_proc = info->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    info->u.pLayerInfo = info->u.pLayerInfo->pNext;
    PFN_vkCreateDevice next = (PFN_vkCreateDevice)instance_proc(VK_NULL_HANDLE, "vkCreateDevice");
    return next(physical, create, allocator, out);
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetDeviceProcAddr(VkDevice device,
                                                                    const char *name)
{
    if (strcmp(name, "vkCmdPipelineBarrier") == 0)
        return (PFN_vkVoidFunction)drop;
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)vkGetDeviceProcAddr;
    return next_device_proc(device, name);
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vkGetInstanceProcAddr(VkInstance instance,
                                                                      const char *name)
{
    if (strcmp(name, "vkCreateInstance") == 0)
        return (PFN_vkVoidFunction)create_instance;
    if (strcmp(name, "vkCreateDevice") == 0)
        return (PFN_vkVoidFunction)create_device;
    if (strcmp(name, "vkGetInstanceProcAddr") == 0)
        return (PFN_vkVoidFunction)vkGetInstanceProcAddr;
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)vkGetDeviceProcAddr;
    return next_instance_proc != NULL ? next_instance_proc(instance, name) : NULL;
}
