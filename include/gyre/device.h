// SPDX-License-Identifier: MIT
// Devices: what is there, which is best, and opening one.
// Threads: every function here may be called from any thread; a device may be shared by threads.
#ifndef GYRE_DEVICE_H
#define GYRE_DEVICE_H

#include <gyre/common.h>
#include <gyre/log.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gyre_backend_kind {
    GYRE_BACKEND_CPU = 0,
    GYRE_BACKEND_OPENCL,
    GYRE_BACKEND_VULKAN,
    GYRE_N_BACKENDS
};

// "cpu", "opencl", "vulkan".
GYRE_API const char *gyre_backend_name(enum gyre_backend_kind backend);

enum gyre_device_type {
    GYRE_DEVICE_OTHER = 0, // an accelerator that says nothing better of itself
    GYRE_DEVICE_DISCRETE,
    GYRE_DEVICE_INTEGRATED,
    GYRE_DEVICE_VIRTUAL,
    GYRE_DEVICE_CPU,      // gyre's own CPU path
    GYRE_DEVICE_SOFTWARE, // a CPU behind a GPU interface (lavapipe, PoCL): never chosen unasked
    GYRE_N_DEVICE_TYPES
};

// "discrete", "integrated", ...
GYRE_API const char *gyre_device_type_name(enum gyre_device_type type);

// Facts read from one route (interface) to one device. Sizes are in bytes; 0 and "" mean unknown.
struct gyre_device_info {
    char id[32];    // "cpu", "vulkan:0", "opencl:1": unique, accepted by gyre_device_open
    char name[256]; // as the driver says
    char vendor[64];
    char driver[256]; // driver's name and version
    enum gyre_backend_kind backend;
    enum gyre_device_type type;
    uint32_t vendor_id; // PCI vendor, or Khronos vendor id
    uint32_t device_id;
    uint8_t uuid[16]; // all zero: unknown
    char pci[16];     // "0000:01:00.0"
    uint64_t memory_size;
    uint64_t max_alloc_size;     // largest buffer
    uint64_t max_binding_size;   // largest part of a buffer that a kernel can see
    uint32_t offset_align;       // granularity at which a buffer can be bound
    uint32_t n_units;            // compute units; 0: unknown
    uint32_t max_group_size;     // work-items in a work-group
    uint32_t max_group_count[3]; // work-groups per dispatch
    uint32_t local_size;         // local (shared) memory per work-group
    uint32_t subgroup_size;      // 0: no subgroups
    bool has_f16_storage;        // 16-bit elements can be loaded and stored
    bool has_bf16_dot;           // a CPU's dot products of bf16 (AVX512_BF16)
    bool has_f16_math;
    bool has_int_dot;         // accelerated 8-bit integer dot product
    bool has_coop_matrix;     // cooperative matrices
    bool has_unified_memory;  // shares the host's memory
    bool is_local_mem_global; // local memory is ordinary memory: staging through it is a loss
    // In a list of all devices; of an opened device they tell of the candidates its name left.
    uint32_t physical; // routes to the same physical device have the same number
    uint32_t rank;     // 0: what gyre_device_open(NULL) takes
    char why[160];     // why it has this rank
};

struct gyre_device_params {
    // "cpu", "vulkan", "vulkan:1", "opencl:amd", or a part of a device's name, in any case.
    // NULL or "": the environment's GYRE_DEVICE, and without it the best by rank.
    const char *name;
    struct gyre_log log;
    // Threads of the CPU device, the caller's included. 0: one per core.
    uint32_t n_threads;
    // Directory of compiled kernels, created when missing. NULL: $GYRE_CACHE_DIR, or gyre/ in
    // $XDG_CACHE_HOME or ~/.cache. "": nothing is kept.
    const char *cache_dir;
};

struct gyre_device_list;

// Every route to every device, best first; never fails because a driver is absent or broken.
// `params` may be NULL; only its log and n_threads are used. Loads and releases the drivers.
GYRE_API enum gyre_status gyre_device_list_create(const struct gyre_device_params *params,
                                                  struct gyre_device_list **out);
GYRE_API void gyre_device_list_destroy(struct gyre_device_list **list);
GYRE_API size_t gyre_device_list_count(const struct gyre_device_list *list);
// NULL when i is out of range; lives as long as the list.
GYRE_API const struct gyre_device_info *gyre_device_list_get(const struct gyre_device_list *list,
                                                             size_t i);

struct gyre_device;

// Opens the device that `params` names (NULL: all defaults). INVALID for a name that fits none (the
// log lists the known ones); UNSUPPORTED when it fits one that cannot be used.
GYRE_API enum gyre_status gyre_device_open(const struct gyre_device_params *params,
                                           struct gyre_device **out);
GYRE_API void gyre_device_destroy(struct gyre_device **device);

// Lives as long as the device.
GYRE_API const struct gyre_device_info *gyre_device_get_info(const struct gyre_device *device);

#ifdef __cplusplus
}
#endif

#endif
