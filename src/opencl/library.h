// SPDX-License-Identifier: MIT
// libOpenCL, opened at run time.
#ifndef GYRE_OPENCL_LIBRARY_H
#define GYRE_OPENCL_LIBRARY_H

#define CL_TARGET_OPENCL_VERSION          300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS // clCreateCommandQueue: what 1.2 devices have
#include <CL/cl.h>

#include <gyre/log.h>

// Every function used, all of OpenCL 1.2.
#define GYRE_CL_FUNCTIONS(X)                                                                       \
    X(clGetPlatformIDs)                                                                            \
    X(clGetPlatformInfo)                                                                           \
    X(clGetDeviceIDs)                                                                              \
    X(clGetDeviceInfo)                                                                             \
    X(clCreateContext)                                                                             \
    X(clReleaseContext)                                                                            \
    X(clCreateCommandQueue)                                                                        \
    X(clReleaseCommandQueue)                                                                       \
    X(clCreateBuffer)                                                                              \
    X(clCreateSubBuffer)                                                                           \
    X(clReleaseMemObject)                                                                          \
    X(clCreateProgramWithSource)                                                                   \
    X(clCreateProgramWithBinary)                                                                   \
    X(clBuildProgram)                                                                              \
    X(clGetProgramInfo)                                                                            \
    X(clGetProgramBuildInfo)                                                                       \
    X(clReleaseProgram)                                                                            \
    X(clCreateKernel)                                                                              \
    X(clGetKernelWorkGroupInfo)                                                                    \
    X(clSetKernelArg)                                                                              \
    X(clReleaseKernel)                                                                             \
    X(clEnqueueReadBuffer)                                                                         \
    X(clEnqueueWriteBuffer)                                                                        \
    X(clEnqueueNDRangeKernel)                                                                      \
    X(clEnqueueMarkerWithWaitList)                                                                 \
    X(clEnqueueBarrierWithWaitList)                                                                \
    X(clFlush)                                                                                     \
    X(clFinish)                                                                                    \
    X(clWaitForEvents)                                                                             \
    X(clGetEventInfo)                                                                              \
    X(clGetEventProfilingInfo)                                                                     \
    X(clRetainEvent)                                                                               \
    X(clReleaseEvent)

struct gyre_cl {
    void *handle;
#define GYRE_CL_FIELD(name) __typeof__(name) *name;
    GYRE_CL_FUNCTIONS(GYRE_CL_FIELD)
#undef GYRE_CL_FIELD
};

// UNSUPPORTED, with one line, when there is none or it lacks a function.
enum gyre_status gyre_cl_load(const struct gyre_log *log, struct gyre_cl *cl);
void gyre_cl_unload(struct gyre_cl *cl);

// What a call is for: drivers say CL_OUT_OF_RESOURCES of more than memory.
enum gyre_cl_phase {
    GYRE_CL_SETUP, // making objects, enqueueing
    GYRE_CL_BUILD, // programs and kernels: another one may do
    GYRE_CL_RUN,   // waiting for work and its results: what the work met
};

// What an error code of the call named means; writes an error line unless it is success.
enum gyre_status gyre_cl_check(const struct gyre_log *log, cl_int error, enum gyre_cl_phase phase,
                               const char *call);

#endif
