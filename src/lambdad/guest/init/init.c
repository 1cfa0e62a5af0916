/* The first process of a shell's pid namespace: mounts the /proc of that namespace, which only a
 * member can, gives up every right, and says so; then it reaps what is orphaned in there, and stops
 * and continues all of it on command where no freezer does. It ends by SIGKILL from outside, and
 * the kernel ends the whole namespace with it. No C library, no memory, no way in: it reads from
 * fd 4 the id that it is to have as user and group (four bytes, all ones: the one it has), answers
 * there with one byte, or by ending if anything failed, and then reads one byte at a time from
 * fd 3 ('S' stop, 'C' continue; end of file and no fd 3 are fine). Without an fd 4 whoever started
 * it has mounted /proc and given up every right before.
 *
 * Built by ./build into init.<architecture>. */

#if defined(__x86_64__)
enum { PPOLL = 271, READ = 0, WRITE = 1, CLOSE = 3, WAIT4 = 61, KILL = 62, EXIT = 60,
       SIGPROCMASK = 14, SIGNALFD4 = 289, PRCTL = 157, MOUNT = 165, CAPSET = 126, SETGROUPS = 116,
       SETRESUID = 117, SETRESGID = 119 };
static long call(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { PPOLL = 73, READ = 63, WRITE = 64, CLOSE = 57, WAIT4 = 260, KILL = 129, EXIT = 93,
       SIGPROCMASK = 135, SIGNALFD4 = 74, PRCTL = 167, MOUNT = 40, CAPSET = 91, SETGROUPS = 159,
       SETRESUID = 147, SETRESGID = 149 };
static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#endif

enum { COMMANDS = 3, REPORT = 4, EBADF = 9, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SFD_NONBLOCK = 2048, WNOHANG = 1,
       POLLIN = 1, SIG_BLOCK = 0, PR_SET_DUMPABLE = 4, PR_CAPBSET_DROP = 24,
       PR_SET_NO_NEW_PRIVS = 38, LAST_CAPABILITY = 63, MS_NOSUID = 2, MS_NODEV = 4,
       MS_NOEXEC = 8 };

struct capability_header { unsigned version; int pid; };
struct capabilities { unsigned effective, permitted, inheritable; };
struct poll_entry { int fd; short events, seen; };

static void must(long result)
{
    if (result < 0)
        for (;;)
            call(EXIT, 1, 0, 0, 0, 0);
}

static void give_up_rights(unsigned id)
{
    struct capability_header header = { 0x20080522, 0 };
    struct capabilities none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    long capability;

    for (capability = 0; capability <= LAST_CAPABILITY; capability++)
        if (call(PRCTL, PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            break;
    if (id != ~0U) {
        must(call(SETGROUPS, 0, 0, 0, 0, 0));
        must(call(SETRESGID, id, id, id, 0, 0));
        must(call(SETRESUID, id, id, id, 0, 0));
    }
    must(call(CAPSET, (long)&header, (long)none, 0, 0, 0));
    must(call(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* Whether somebody waits to hear that it is done. */
static int prepare(void)
{
    unsigned id;
    long got = call(READ, REPORT, (long)&id, sizeof id, 0, 0);

    if (got == -EBADF)
        return 0;
    if (got != sizeof id)
        must(-1);
    must(call(MOUNT, (long)"proc", (long)"/proc", (long)"proc",
              MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
    give_up_rights(id);
    return 1;
}

void _start(void)
{
    unsigned long all = ~0UL, child = 1UL << (SIGCHLD - 1);
    unsigned char buffer[128], command = 0;
    struct poll_entry waiting[2] = { { 0, POLLIN, 0 }, { COMMANDS, POLLIN, 0 } };
    int reports;

    reports = prepare();
    /* Nobody in here may look into this process. */
    must(call(PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0));
    call(SIGPROCMASK, SIG_BLOCK, (long)&all, 0, sizeof all, 0);
    waiting[0].fd = call(SIGNALFD4, -1, (long)&child, sizeof child, SFD_NONBLOCK, 0);
    if (reports) {
        must(call(WRITE, REPORT, (long)&command, 1, 0, 0));
        call(CLOSE, REPORT, 0, 0, 0, 0);
    }
    for (;;) {
        call(PPOLL, (long)waiting, 2, 0, 0, 0);
        if (waiting[0].seen) {
            call(READ, waiting[0].fd, (long)buffer, sizeof buffer, 0, 0);
            while (call(WAIT4, -1, 0, WNOHANG, 0, 0) > 0)
                ;
        }
        if (waiting[1].seen) {
            if (call(READ, COMMANDS, (long)&command, 1, 0, 0) != 1)
                waiting[1].fd = -1;
            else
                call(KILL, -1, command == 'S' ? SIGSTOP : SIGCONT, 0, 0, 0);
        }
    }
}
