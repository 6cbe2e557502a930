// SPDX-License-Identifier: MIT
// What the files of the Vulkan backend share.
#ifndef GYRE_VULKAN_VK_H
#define GYRE_VULKAN_VK_H

#define VK_NO_PROTOTYPES
#include <pthread.h>
#include <vulkan/vulkan.h>

#include "backend.h"
#include "cache.h"
#include "log.h"

// The functions this backend calls, loaded per instance and per device: nothing is global, so an
// instance may be anybody's.
#define VK_INSTANCE_FNS(X)                                                                         \
    X(CreateDevice)                                                                                \
    X(DestroyInstance)                                                                             \
    X(EnumerateDeviceExtensionProperties)                                                          \
    X(EnumeratePhysicalDevices)                                                                    \
    X(GetDeviceProcAddr)                                                                           \
    X(GetPhysicalDeviceFeatures2)                                                                  \
    X(GetPhysicalDeviceMemoryProperties)                                                           \
    X(GetPhysicalDeviceProperties)                                                                 \
    X(GetPhysicalDeviceProperties2)                                                                \
    X(GetPhysicalDeviceQueueFamilyProperties)

#define VK_DEVICE_FNS(X)                                                                           \
    X(AllocateCommandBuffers)                                                                      \
    X(AllocateDescriptorSets)                                                                      \
    X(AllocateMemory)                                                                              \
    X(BeginCommandBuffer)                                                                          \
    X(BindBufferMemory)                                                                            \
    X(CmdBindDescriptorSets)                                                                       \
    X(CmdBindPipeline)                                                                             \
    X(CmdCopyBuffer)                                                                               \
    X(CmdDispatch)                                                                                 \
    X(CmdPipelineBarrier)                                                                          \
    X(CmdPushConstants)                                                                            \
    X(CmdResetQueryPool)                                                                           \
    X(CmdWriteTimestamp)                                                                           \
    X(CreateBuffer)                                                                                \
    X(CreateCommandPool)                                                                           \
    X(CreateComputePipelines)                                                                      \
    X(CreateDescriptorPool)                                                                        \
    X(CreateDescriptorSetLayout)                                                                   \
    X(CreateFence)                                                                                 \
    X(CreatePipelineCache)                                                                         \
    X(CreatePipelineLayout)                                                                        \
    X(CreateQueryPool)                                                                             \
    X(CreateShaderModule)                                                                          \
    X(DestroyBuffer)                                                                               \
    X(DestroyCommandPool)                                                                          \
    X(DestroyDescriptorPool)                                                                       \
    X(DestroyDescriptorSetLayout)                                                                  \
    X(DestroyDevice)                                                                               \
    X(DestroyFence)                                                                                \
    X(DestroyPipeline)                                                                             \
    X(DestroyPipelineCache)                                                                        \
    X(DestroyPipelineLayout)                                                                       \
    X(DestroyQueryPool)                                                                            \
    X(DestroyShaderModule)                                                                         \
    X(EndCommandBuffer)                                                                            \
    X(FreeMemory)                                                                                  \
    X(GetBufferMemoryRequirements)                                                                 \
    X(GetDeviceQueue)                                                                              \
    X(GetPipelineCacheData)                                                                        \
    X(GetQueryPoolResults)                                                                         \
    X(MapMemory)                                                                                   \
    X(QueueSubmit)                                                                                 \
    X(ResetCommandPool)                                                                            \
    X(ResetDescriptorPool)                                                                         \
    X(ResetFences)                                                                                 \
    X(UpdateDescriptorSets)                                                                        \
    X(WaitForFences)

#define VK_MEMBER(name) PFN_vk##name name;
struct vk_instance_fns {
    VK_INSTANCE_FNS(VK_MEMBER)
};
struct vk_device_fns {
    VK_DEVICE_FNS(VK_MEMBER)
};
#undef VK_MEMBER

// An instance of our own. library.c
struct vk_instance {
    void *library; // of dlopen
    VkInstance handle;
    struct vk_instance_fns fn;
};
// False, with a log line, when there is no usable Vulkan here.
bool gyre_vk_instance_open(const struct gyre_log *log, struct vk_instance *instance);
void gyre_vk_instance_close(struct vk_instance *instance);
// malloc'ed; NULL with *n 0 when there is none.
VkPhysicalDevice *gyre_vk_instance_devices(const struct vk_instance *instance, uint32_t *n);

// What a physical device is. info.c
struct vk_extensions {
    VkExtensionProperties *names;
    uint32_t n;
};
void gyre_vk_extensions_get(const struct vk_instance *instance, VkPhysicalDevice physical,
                            struct vk_extensions *out);
bool gyre_vk_extensions_have(const struct vk_extensions *extensions, const char *name);
// The best queue family that computes; false when there is none.
bool gyre_vk_find_queue(const struct vk_instance *instance, VkPhysicalDevice physical,
                        uint32_t *family, uint32_t *timestamp_bits);
// False when the device cannot be used.
bool gyre_vk_facts(const struct vk_instance *instance, VkPhysicalDevice physical, uint32_t index,
                   struct gyre_device_info *info);

struct vk_kernel;

struct vk_device {
    struct gyre_device base;
    struct vk_instance instance;
    VkPhysicalDevice physical;
    VkDevice handle;
    struct vk_device_fns fn;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t queue_family;
    VkQueue queue; // the one queue of all streams
    pthread_mutex_t queue_lock;
    double timestamp_period;   // nanoseconds
    uint32_t max_bindings;     // storage buffers of a shader
    bool can_keep_nan;         // shaders may ask that NaN, infinities and signs of zeros be kept
    uint64_t timestamp_mask;   // 0: no timestamps
    char cache_tag[96];        // device, driver and its build, for cache keys
    struct vk_kernel *kernels; // prepared variants
    pthread_mutex_t kernels_lock;
};

// GYRE_OK, or the status that fits, with a log line naming the call.
enum gyre_status gyre_vk_check(const struct gyre_log *log, VkResult result, const char *call);

// A buffer with memory of its own. memory.c
enum vk_memory_use {
    VK_MEMORY_TENSOR,  // mapped too where host and device share memory
    VK_MEMORY_ARGS,    // mapped; written by the host
    VK_MEMORY_STAGING, // mapped; read and written by the host
};
struct vk_memory {
    VkBuffer buffer;
    VkDeviceMemory memory;
    uint8_t *map; // NULL: not host visible
};
enum gyre_status gyre_vk_memory_create(struct vk_device *device, uint64_t size,
                                       enum vk_memory_use use, struct vk_memory *out);
void gyre_vk_memory_destroy(struct vk_device *device, struct vk_memory *memory);

struct vk_buffer {
    struct gyre_buffer base;
    struct vk_memory memory;
};
enum gyre_status gyre_vk_buffer_create(struct gyre_device *device, uint64_t size,
                                       struct gyre_buffer **out);
void gyre_vk_buffer_destroy(struct gyre_buffer *buffer);

// A prepared variant, or one that cannot be; never changed, lives as long as the device. kernel.c
struct vk_kernel {
    struct vk_kernel *next;
    struct gyre_variant variant;
    enum gyre_status status; // OK; UNSUPPORTED or COMPILE: it cannot be prepared here
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};
// Arguments up to this size are push constants (what every device has); larger ones lie in a
// uniform buffer bound after the kernel's own.
enum { VK_MAX_PUSH = 128 };
static inline bool gyre_vk_has_args_buffer(const struct gyre_kernel *kernel)
{
    return kernel->args_size > VK_MAX_PUSH;
}
static inline VkDescriptorType gyre_vk_binding_type(const struct gyre_kernel *kernel, uint32_t i)
{
    return i < kernel->n_bufs ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                              : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
}
enum gyre_status gyre_vk_kernel_get(struct vk_device *device, const struct gyre_variant *variant,
                                    const struct vk_kernel **out);
enum gyre_status gyre_vk_prepare(struct gyre_device *device, const struct gyre_variant *variant);
void gyre_vk_kernels_destroy(struct vk_device *device);

// A SPIR-V module. shader.c
struct vk_shader {
    uint32_t *words; // malloc'ed
    size_t size;     // bytes
    uint64_t hash;   // of what it was made from
};
enum gyre_status gyre_vk_shader_get(struct vk_device *device, const struct gyre_variant *variant,
                                    struct vk_shader *out);
// The same from the kernel's name and the variant's #define lines. shader_built.c, or
// shader_embedded.c in a library without glslang
enum gyre_status gyre_vk_shader_make(struct vk_device *device, const char *name,
                                     const char *preamble, struct vk_shader *out);

// Compiles GLSL; `preamble` goes after its #version line. glslang.c
enum gyre_status gyre_glslang_compile(const struct gyre_log *log, const char *name,
                                      const char *preamble, const char *source,
                                      struct vk_shader *out);

// What a module needs of a device, with these specialization constants; as far as it can be told.
// spirv.c
struct vk_needs {
    uint32_t local_size; // bytes of Workgroup memory
    bool f16_storage, f16_math;
};
struct vk_needs gyre_vk_shader_needs(const struct vk_shader *shader, const uint32_t *consts,
                                     uint32_t n_consts);
// Has buffers that are absent (a bit each), and never touched, share the binding of one that is
// there.
void gyre_vk_shader_unbind(struct vk_shader *shader, uint32_t absent);

// When a submission has ended, and its timestamps. Shared by its batch and by events. event.c
struct vk_done {
    struct vk_device *device;
    atomic_uint n_refs;
    VkFence fence;
    VkQueryPool times; // 0 start, 1 end; VK_NULL_HANDLE: no timestamps
};
enum gyre_status gyre_vk_done_create(struct vk_device *device, struct vk_done **out);
struct vk_done *gyre_vk_done_ref(struct vk_done *done);
void gyre_vk_done_unref(struct vk_done **done);
enum gyre_status gyre_vk_done_wait(const struct vk_done *done, uint64_t timeout_ns);

struct vk_event {
    struct gyre_event base;
    struct vk_done *first, *last; // submissions it spans; last NULL: reached from the beginning;
                                  // first NULL: nothing was enqueued
};
enum gyre_status gyre_vk_event_wait(struct gyre_event *event, uint64_t timeout_ns);
enum gyre_status gyre_vk_event_device_time(struct gyre_event *event, uint64_t *ns);
void gyre_vk_event_destroy(struct gyre_event *event);

// stream.c
enum gyre_status gyre_vk_stream_create(struct gyre_device *device, struct gyre_stream **out);
void gyre_vk_stream_destroy(struct gyre_stream *stream);
enum gyre_status gyre_vk_stream_submit(struct gyre_stream *stream, struct gyre_event **event);
enum gyre_status gyre_vk_stream_finish(struct gyre_stream *stream);
enum gyre_status gyre_vk_stream_wait(struct gyre_stream *stream, const struct gyre_event *event);
enum gyre_status gyre_vk_dispatch(struct gyre_stream *stream, const struct gyre_dispatch *dispatch);
enum gyre_status gyre_vk_buffer_write(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                      uint64_t offset, uint64_t size, const void *src);
enum gyre_status gyre_vk_buffer_read(struct gyre_stream *stream, struct gyre_buffer *buffer,
                                     uint64_t offset, uint64_t size, void *dst);

#endif
