// SPDX-License-Identifier: MIT
// What a Vulkan driver's compiler says of a compute pipeline, without running it:
//
//   pipeline_stats FILE.spv BUFFERS CONST,CONST,...
//
// prints "name: value" per statistic of VK_KHR_pipeline_executable_properties, nothing where the
// driver lacks it. Null drivers crash on submission; nothing here submits.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

enum { MAX_BINDINGS = 32, MAX_CONSTS = 16, MAX_STATS = 64, MAX_WORDS = 1 << 18 };
enum { MAX_EXTENSIONS = 512 };

#define TRY(call)                                                                                  \
    do {                                                                                           \
        VkResult result_ = (call);                                                                 \
        if (result_ < 0) {                                                                         \
            fprintf(stderr, "%s: %d\n", #call, (int)result_);                                      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static VkPhysicalDevice first_device(void)
{
    const VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &app};
    VkInstance instance;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    uint32_t n = 1;
    TRY(vkCreateInstance(&create, NULL, &instance));
    TRY(vkEnumeratePhysicalDevices(instance, &n, &physical));
    if (n == 0) {
        fputs("no Vulkan device\n", stderr);
        exit(1);
    }
    return physical;
}

static bool has_extension(VkPhysicalDevice physical, const char *name)
{
    static VkExtensionProperties extensions[MAX_EXTENSIONS];
    uint32_t n = MAX_EXTENSIONS;
    TRY(vkEnumerateDeviceExtensionProperties(physical, NULL, &n, extensions));
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(extensions[i].extensionName, name) == 0)
            return true;
    return false;
}

// With 16-bit storage and f16 arithmetic where there are.
static VkDevice open_device(VkPhysicalDevice physical, bool with_statistics)
{
    const char *extensions[2];
    uint32_t n_extensions = 0;
    VkPhysicalDeviceShaderFloat16Int8Features math = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
    VkPhysicalDevice16BitStorageFeatures storage = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    if (has_extension(physical, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME)) {
        extensions[n_extensions++] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME;
        storage.pNext = &math;
    }
    if (with_statistics)
        extensions[n_extensions++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &storage};
    vkGetPhysicalDeviceFeatures2(physical, &features);
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = storage.storageBuffer16BitAccess ? &storage : NULL,
        .pipelineExecutableInfo = VK_TRUE,
    };
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .pNext = with_statistics ? &statistics : statistics.pNext,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &queue,
                                       .enabledExtensionCount = n_extensions,
                                       .ppEnabledExtensionNames = extensions};
    VkDevice device;
    TRY(vkCreateDevice(physical, &create, NULL, &device));
    return device;
}

static VkShaderModule load_module(VkDevice device, const char *path)
{
    static uint32_t words[MAX_WORDS];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t n = fread(words, sizeof(*words), MAX_WORDS, file);
    fclose(file);
    const VkShaderModuleCreateInfo create = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = n * sizeof(*words),
                                             .pCode = words};
    VkShaderModule module;
    TRY(vkCreateShaderModule(device, &create, NULL, &module));
    return module;
}

// Storage buffers, and behind them arguments, as a uniform buffer and as push constants.
static VkPipelineLayout make_layout(VkDevice device, uint32_t n_storage)
{
    VkDescriptorSetLayoutBinding bindings[MAX_BINDINGS + 1];
    for (uint32_t i = 0; i <= n_storage; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < n_storage ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                                            : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = n_storage + 1,
        .pBindings = bindings,
    };
    const VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = 128};
    VkDescriptorSetLayout set_layout;
    TRY(vkCreateDescriptorSetLayout(device, &set, NULL, &set_layout));
    const VkPipelineLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    VkPipelineLayout layout;
    TRY(vkCreatePipelineLayout(device, &create, NULL, &layout));
    return layout;
}

static VkPipeline make_pipeline(VkDevice device, VkShaderModule module, VkPipelineLayout layout,
                                char *numbers, bool with_statistics)
{
    uint32_t consts[MAX_CONSTS], n = 0;
    VkSpecializationMapEntry entries[MAX_CONSTS];
    for (char *word = strtok(numbers, ","); word != NULL && n < MAX_CONSTS;
         word = strtok(NULL, ","), n++) {
        consts[n] = (uint32_t)strtoul(word, NULL, 10);
        entries[n] = (VkSpecializationMapEntry){n, n * (uint32_t)sizeof(*consts), sizeof(*consts)};
    }
    const VkSpecializationInfo specialization = {n, entries, n * sizeof(*consts), consts};
    const VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = with_statistics ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &specialization},
        .layout = layout,
    };
    VkPipeline pipeline;
    TRY(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline));
    return pipeline;
}

static void print_value(const VkPipelineExecutableStatisticKHR *statistic)
{
    printf("%s: ", statistic->name);
    switch (statistic->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        printf("%llu\n", (unsigned long long)statistic->value.u64);
        break;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
        printf("%lld\n", (long long)statistic->value.i64);
        break;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        printf("%g\n", statistic->value.f64);
        break;
    default:
        printf("%u\n", (unsigned)statistic->value.b32);
    }
}

static void print_statistics(VkDevice device, VkPipeline pipeline)
{
    PFN_vkGetPipelineExecutableStatisticsKHR get =
        (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(
            device, "vkGetPipelineExecutableStatisticsKHR");
    const VkPipelineExecutableInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutableStatisticKHR statistics[MAX_STATS];
    uint32_t n = MAX_STATS;
    for (uint32_t i = 0; i < n; i++)
        statistics[i] = (VkPipelineExecutableStatisticKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    TRY(get(device, &info, &n, statistics));
    for (uint32_t i = 0; i < n; i++)
        print_value(&statistics[i]);
}

int main(int argc, char **argv)
{
    unsigned long n_storage = argc == 4 ? strtoul(argv[2], NULL, 10) : MAX_BINDINGS + 1;
    if (n_storage > MAX_BINDINGS) {
        fputs("usage: pipeline_stats FILE.spv BUFFERS CONST,CONST,...\n", stderr);
        return 2;
    }
    VkPhysicalDevice physical = first_device();
    bool with_statistics =
        has_extension(physical, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
    VkDevice device = open_device(physical, with_statistics);
    VkShaderModule module = load_module(device, argv[1]);
    VkPipelineLayout layout = make_layout(device, (uint32_t)n_storage);
    VkPipeline pipeline = make_pipeline(device, module, layout, argv[3], with_statistics);
    if (with_statistics)
        print_statistics(device, pipeline);
    return 0; // the null driver's objects end with the process
}
