// A stand-in for NVIDIA's driver, to check what the program would have a card do, on a machine without one.
//
//   g++ -O2 -shared -fPIC -o stand-in/libcuda.so.1 bench/stand-in/driver.cpp -ldl
//   LD_LIBRARY_PATH=stand-in CUDA_PATH=... mesm bench --device cuda --rounds 1 --skip-peak
//
// Memory is the host's, and holds not-a-number until something is written to it. Each kernel's PTX goes to ptxas, which has
// to accept it, and through ptx.py to C++, which is compiled and called for each unit; units of a cube that meet are fibres.
// Times mean nothing. CUDA_PATH is a toolkit's (or what the package nvidia-cuda-nvcc-cu12 holds).
//
//   STAND_IN_PTX      where ptx.py is (bench/stand-in/ptx.py)
//   STAND_IN_CACHE    a folder for what was translated (/tmp/stand-in)
//   STAND_IN_ARCH     compute capability times ten (90)
//   STAND_IN_TRACE    a file that gets a line for each launch: kernel, cubes, units of a cube, instructions of the longest
//                     unit, instructions of all units
//   STAND_IN_IDLE     launch nothing: what is left is the host's own time
#include <dlfcn.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default"))) int

using Address = uint64_t;
enum { SUCCESS = 0, OUT_OF_MEMORY = 2, NO_DEVICE = 101, INVALID_PTX = 218, NOT_FOUND = 500, NOT_SUPPORTED = 801 };

static std::string setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int arch() { return atoi(setting("STAND_IN_ARCH", "90").c_str()); }

static double milliseconds() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

// The device.

API cuInit(unsigned) { return SUCCESS; }
API cuDriverGetVersion(int *version) { return *version = 12090, SUCCESS; }
API cuDeviceGet(int *device, int index) { return *device = index, index == 0 ? SUCCESS : NO_DEVICE; }
API cuDeviceGetCount(int *count) { return *count = 1, SUCCESS; }
API cuDeviceGetName(char *name, int size, int) { return snprintf(name, size, "stand-in sm_%d", arch()), SUCCESS; }
API cuDeviceGetUuid(char *uuid, int) { return memset(uuid, 7, 16), SUCCESS; }
API cuDeviceGetUuid_v2(char *uuid, int) { return memset(uuid, 7, 16), SUCCESS; }
API cuDeviceGetPCIBusId(char *id, int size, int) { return snprintf(id, size, "0000:01:00.0"), SUCCESS; }
API cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = size_t(16) << 30, SUCCESS; }
API cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
    case 1: case 2: case 3: *value = 1024; break; // Threads of a block, and along x and y.
    case 4: *value = 64; break;                   // Along z.
    case 5: *value = 2147483647; break;           // Blocks along x.
    case 6: case 7: *value = 65535; break;
    case 8: *value = 49152; break;                // Shared memory of a block.
    case 10: *value = 32; break;                  // Threads of a warp.
    case 16: *value = 132; break;                 // Multiprocessors.
    case 75: *value = arch() / 10; break;         // Compute capability.
    case 76: *value = arch() % 10; break;
    case 97: *value = 232448; break;              // Shared memory of a block that asks for it.
    default: *value = 0;
    }
    return SUCCESS;
}
API cuDevicePrimaryCtxRetain(void **context, int) { return *context = (void *)1, SUCCESS; }
API cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API cuCtxSetCurrent(void *) { return SUCCESS; }
API cuCtxGetCurrent(void **context) { return *context = (void *)1, SUCCESS; }
API cuCtxSynchronize() { return SUCCESS; }
API cuCtxGetStreamPriorityRange(int *least, int *greatest) { return *least = *greatest = 0, SUCCESS; }
API cuGetErrorString(int, const char **text) { return *text = "the stand-in refused", SUCCESS; }
API cuGetErrorName(int, const char **text) { return *text = "STAND_IN", SUCCESS; }

// Streams do everything at once.

API cuStreamCreate(void **stream, unsigned) { return *stream = (void *)2, SUCCESS; }
API cuStreamCreateWithPriority(void **stream, unsigned, int) { return *stream = (void *)2, SUCCESS; }
API cuStreamSynchronize(void *) { return SUCCESS; }
API cuStreamWaitEvent(void *, void *, unsigned) { return SUCCESS; }
API cuStreamDestroy_v2(void *) { return SUCCESS; }
API cuStreamIsCapturing(void *, int *status) { return *status = 0, SUCCESS; }
API cuEventCreate(void **event, unsigned) { return *event = calloc(1, sizeof(double)), SUCCESS; }
API cuEventRecord(void *event, void *) { return *(double *)event = milliseconds(), SUCCESS; }
API cuEventSynchronize(void *) { return SUCCESS; }
API cuEventQuery(void *) { return SUCCESS; }
API cuEventElapsedTime(float *ms, void *from, void *to) { return *ms = *(double *)to - *(double *)from, SUCCESS; }
API cuEventElapsedTime_v2(float *ms, void *from, void *to) { return *ms = *(double *)to - *(double *)from, SUCCESS; }
API cuEventDestroy_v2(void *event) { return free(event), SUCCESS; }

// Memory.

static void *memory(size_t bytes) {
    void *found = nullptr;
    if (posix_memalign(&found, 512, std::max<size_t>(bytes, 512))) return nullptr;
    return memset(found, 0xff, bytes);
}
API cuMemAlloc_v2(Address *at, size_t bytes) { return *at = (Address)memory(bytes), *at ? SUCCESS : OUT_OF_MEMORY; }
API cuMemAllocAsync(Address *at, size_t bytes, void *) { return cuMemAlloc_v2(at, bytes); }
API cuMemFree_v2(Address at) { return free((void *)at), SUCCESS; }
API cuMemFreeAsync(Address at, void *) { return free((void *)at), SUCCESS; }
API cuMemAllocHost_v2(void **at, size_t bytes) { return *at = memory(bytes), *at ? SUCCESS : OUT_OF_MEMORY; }
API cuMemHostAlloc(void **at, size_t bytes, unsigned) { return cuMemAllocHost_v2(at, bytes); }
API cuMemFreeHost(void *at) { return free(at), SUCCESS; }
API cuMemGetInfo_v2(size_t *free, size_t *all) { return *free = size_t(8) << 30, *all = size_t(16) << 30, SUCCESS; }
API cuMemcpyHtoD_v2(Address to, const void *from, size_t bytes) { return memcpy((void *)to, from, bytes), SUCCESS; }
API cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *) { return cuMemcpyHtoD_v2(to, from, bytes); }
API cuMemcpyDtoH_v2(void *to, Address from, size_t bytes) { return memcpy(to, (void *)from, bytes), SUCCESS; }
API cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *) { return cuMemcpyDtoH_v2(to, from, bytes); }
API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void *) {
    return memmove((void *)to, (void *)from, bytes), SUCCESS;
}
API cuMemsetD8_v2(Address at, unsigned char value, size_t bytes) { return memset((void *)at, value, bytes), SUCCESS; }
API cuMemsetD8Async(Address at, unsigned char value, size_t bytes, void *) { return cuMemsetD8_v2(at, value, bytes); }

struct Side {
    size_t x, y;
    int kind;
    char *host;
    Address device;
    void *array;
    size_t pitch;
    char *start() const { return kind == 1 ? host : (char *)device; }
};
struct Copy {
    Side from, to;
    size_t width, height;
};
API cuMemcpy2DAsync_v2(const Copy *copy, void *) {
    for (size_t y = 0; y < copy->height; y++) {
        const Side &from = copy->from, &to = copy->to;
        memcpy(to.start() + (to.y + y) * to.pitch + to.x, from.start() + (from.y + y) * from.pitch + from.x, copy->width);
    }
    return SUCCESS;
}
API cuTensorMapEncodeTiled() { return NOT_SUPPORTED; }
API cuTensorMapEncodeIm2col() { return NOT_SUPPORTED; }
API cuTensorMapEncodeIm2colWide() { return NOT_SUPPORTED; }

// Kernels. What a unit knows of itself is laid out as in ptx.py.

struct Unit {
    uint32_t tid[3], ntid[3], ctaid[3], nctaid[3];
    char *shared, *local;
    void (*meet)();
    uint64_t instructions;
};
using Body = void (*)(Unit *, void **);
struct Kernel {
    std::string name;
    Body body;
    bool meets;
    int local_bytes;
};

static uint64_t hash(const std::string &text) {
    uint64_t hash = 1469598103934665603u;
    for (unsigned char byte : text) hash = (hash ^ byte) * 1099511628211u;
    return hash;
}

static bool run(const std::string &command) {
    if (system(command.c_str()) == 0) return true;
    fprintf(stderr, "stand-in: %s\n", command.c_str());
    return false;
}

API cuModuleLoadData(void **module, const void *image) {
    static std::mutex lock;
    std::lock_guard<std::mutex> guard(lock);
    const std::string ptx((const char *)image), cache = setting("STAND_IN_CACHE", "/tmp/stand-in");
    mkdir(cache.c_str(), 0755);
    char name[32];
    snprintf(name, sizeof name, "/%016lx-%d", (unsigned long)hash(ptx), arch());
    const std::string base = cache + name, library = base + ".so";
    if (access(library.c_str(), R_OK)) {
        FILE *file = fopen((base + ".ptx").c_str(), "w");
        if (!file) return NOT_FOUND;
        fwrite(ptx.data(), 1, ptx.size(), file);
        fclose(file);
        const std::string target = "sm_" + std::to_string(arch()) + (arch() >= 90 ? "a" : "");
        const std::string ptxas = setting("CUDA_PATH", "/usr/local/cuda") + "/bin/ptxas";
        const std::string translate = setting("STAND_IN_PTX", "bench/stand-in/ptx.py");
        if (!run(ptxas + " -v -arch=" + target + " -o /dev/null " + base + ".ptx > " + base + ".ptxas 2>&1") ||
            !run("python3 " + translate + " " + base + ".ptx > " + base + ".cpp") ||
            !run("g++ -O2 -w -mfma -ffp-contract=off -fno-strict-aliasing -shared -fPIC -o " + library + " " + base + ".cpp"))
            return INVALID_PTX;
    }
    *module = dlopen(library.c_str(), RTLD_NOW);
    return *module ? SUCCESS : INVALID_PTX;
}
API cuModuleUnload(void *) { return SUCCESS; }
API cuModuleGetFunction(void **function, void *module, const char *name) {
    const std::string text(name);
    void *body = dlsym(module, ("kernel_" + text).c_str());
    void *meets = dlsym(module, ("meets_" + text).c_str()), *local = dlsym(module, ("local_" + text).c_str());
    if (!body || !meets || !local) return NOT_FOUND;
    *function = new Kernel{text, (Body)body, *(int *)meets != 0, *(int *)local};
    return SUCCESS;
}
API cuFuncSetAttribute(void *, int, int) { return SUCCESS; }
API cuFuncGetAttribute(int *value, int, void *) { return *value = 0, SUCCESS; }

struct Fibre {
    ucontext_t context;
    Unit unit;
    bool done;
};
static thread_local ucontext_t launcher;
static thread_local Fibre *running;
static thread_local Body body_of_launch;
static thread_local void **arguments_of_launch;

static void meet() { swapcontext(&running->context, &launcher); }
static void begin() {
    body_of_launch(&running->unit, arguments_of_launch);
    running->done = true;
}

// Runs the units of a cube from meeting to meeting.
static void run_together(std::vector<Fibre> &fibres, std::vector<char> &stacks) {
    const size_t stack = stacks.size() / fibres.size();
    for (size_t i = 0; i < fibres.size(); i++) {
        Fibre &fibre = fibres[i];
        fibre.done = false;
        getcontext(&fibre.context);
        fibre.context.uc_stack.ss_sp = stacks.data() + i * stack;
        fibre.context.uc_stack.ss_size = stack;
        fibre.context.uc_link = &launcher;
        makecontext(&fibre.context, begin, 0);
    }
    for (bool left = true; left;) {
        left = false;
        for (Fibre &fibre : fibres) {
            if (fibre.done) continue;
            running = &fibre;
            swapcontext(&launcher, &fibre.context);
            left |= !fibre.done;
        }
    }
}

API cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared_bytes, void *, void **arguments, void **) {
    static const bool idle = getenv("STAND_IN_IDLE") != nullptr;
    static FILE *trace = getenv("STAND_IN_TRACE") ? fopen(getenv("STAND_IN_TRACE"), "w") : nullptr;
    const Kernel *kernel = (Kernel *)function;
    if (idle) return SUCCESS;
    const unsigned units = bx * by * bz;
    const size_t local_bytes = (kernel->local_bytes + 63) / 64 * 64;
    std::vector<Fibre> fibres(units);
    std::vector<char> stacks(kernel->meets ? units * size_t(65536) : 0), shared(shared_bytes + 128), local(local_bytes * units + 64);
    char *const shared_start = (char *)(((Address)shared.data() + 63) / 64 * 64);
    char *const local_start = (char *)(((Address)local.data() + 63) / 64 * 64);
    uint64_t longest = 0, all = 0;
    body_of_launch = kernel->body;
    arguments_of_launch = arguments;
    for (uint64_t cube = 0; cube < uint64_t(gx) * gy * gz; cube++) {
        // As undefined as memory is.
        std::fill(shared.begin(), shared.end(), char(0xff));
        for (unsigned i = 0; i < units; i++) {
            fibres[i].unit = {{i % bx, i / bx % by, i / bx / by}, {bx, by, bz},
                              {uint32_t(cube % gx), uint32_t(cube / gx % gy), uint32_t(cube / gx / gy)}, {gx, gy, gz},
                              shared_start, local_start + i * local_bytes, meet, 0};
            if (!kernel->meets) kernel->body(&fibres[i].unit, arguments);
        }
        if (kernel->meets) run_together(fibres, stacks);
        for (const Fibre &fibre : fibres) {
            longest = std::max(longest, fibre.unit.instructions);
            all += fibre.unit.instructions;
        }
    }
    if (trace) {
        fprintf(trace, "%s %u %u %lu %lu\n", kernel->name.c_str(), gx * gy * gz, units, (unsigned long)longest, (unsigned long)all);
        fflush(trace);
    }
    return SUCCESS;
}
