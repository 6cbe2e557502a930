// SPDX-License-Identifier: MIT
// The Vulkan loader, opened at run time, and an instance of our own.
#include "vk.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static PFN_vkGetInstanceProcAddr open_library(struct vk_instance *instance)
{
    PFN_vkGetInstanceProcAddr get = NULL;
    // Loader and drivers stay: unloaded ones leave their threads and allocations behind.
    instance->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (instance->library == NULL)
        return NULL;
    // POSIX has dlsym return a data pointer.
    *(void **)&get = dlsym(instance->library, "vkGetInstanceProcAddr");
    return get;
}

// 1.1 is the oldest that has what we read of a device; a 1.0 loader lacks the function that tells.
static bool is_loader_usable(PFN_vkGetInstanceProcAddr get)
{
    PFN_vkEnumerateInstanceVersion version_of =
        (PFN_vkEnumerateInstanceVersion)get(NULL, "vkEnumerateInstanceVersion");
    uint32_t version = 0;
    return version_of != NULL && version_of(&version) == VK_SUCCESS &&
           version >= VK_API_VERSION_1_1;
}

static VkResult create_instance(PFN_vkGetInstanceProcAddr get, VkInstance *out)
{
    const VkApplicationInfo app = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "gyre",
        .pEngineName = "gyre",
        .apiVersion = VK_API_VERSION_1_1,
    };
    const VkInstanceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &app,
    };
    PFN_vkCreateInstance create_fn = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
    return create_fn == NULL ? VK_ERROR_INITIALIZATION_FAILED : create_fn(&create, NULL, out);
}

static bool load_functions(PFN_vkGetInstanceProcAddr get, struct vk_instance *instance)
{
    bool has_all = true;
#define LOAD(name)                                                                                 \
    instance->fn.name = (PFN_vk##name)get(instance->handle, "vk" #name);                           \
    has_all = has_all && instance->fn.name != NULL;
    VK_INSTANCE_FNS(LOAD)
#undef LOAD
    return has_all;
}

bool gyre_vk_instance_open(const struct gyre_log *log, struct vk_instance *instance)
{
    const char *lacks = NULL;
    VkResult result = VK_SUCCESS;
    memset(instance, 0, sizeof(*instance));
    PFN_vkGetInstanceProcAddr get = open_library(instance);
    if (get == NULL)
        lacks = "libvulkan.so.1 cannot be opened";
    else if (!is_loader_usable(get))
        lacks = "the loader is older than Vulkan 1.1";
    else if ((result = create_instance(get, &instance->handle)) != VK_SUCCESS)
        lacks = "vkCreateInstance failed: no driver, or a broken one";
    else if (!load_functions(get, instance))
        lacks = "the instance lacks functions of Vulkan 1.1";
    if (lacks == NULL)
        return true;
    gyre_log_write(log, GYRE_LOG_INFO, "vulkan: %s (%d)", lacks, (int)result);
    gyre_vk_instance_close(instance);
    return false;
}

void gyre_vk_instance_close(struct vk_instance *instance)
{
    if (instance->handle != VK_NULL_HANDLE && instance->fn.DestroyInstance != NULL)
        instance->fn.DestroyInstance(instance->handle, NULL);
    if (instance->library != NULL)
        dlclose(instance->library);
    memset(instance, 0, sizeof(*instance));
}

VkPhysicalDevice *gyre_vk_instance_devices(const struct vk_instance *instance, uint32_t *n)
{
    VkPhysicalDevice *devices = NULL;
    *n = 0;
    if (instance->fn.EnumeratePhysicalDevices(instance->handle, n, NULL) == VK_SUCCESS && *n > 0)
        devices = calloc(*n, sizeof(*devices));
    if (devices != NULL &&
        instance->fn.EnumeratePhysicalDevices(instance->handle, n, devices) >= VK_SUCCESS)
        return devices;
    free(devices);
    *n = 0;
    return NULL;
}
