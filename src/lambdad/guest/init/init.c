/* The first process of a shell's pid namespace: reaps what is orphaned in there, and stops and
 * continues all of it on command where no freezer does. It ends by SIGKILL from outside, and the
 * kernel ends the whole namespace with it. No C library, no memory, no way in: it reads one byte
 * at a time from fd 3 ('S' stop, 'C' continue; end of file and no fd 3 are fine).
 *
 * Built by ./build into init.<architecture>. */

#if defined(__x86_64__)
enum { PPOLL = 271, READ = 0, WAIT4 = 61, KILL = 62, SIGPROCMASK = 14, SIGNALFD4 = 289,
       PRCTL = 157 };
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
enum { PPOLL = 73, READ = 63, WAIT4 = 260, KILL = 129, SIGPROCMASK = 135, SIGNALFD4 = 74,
       PRCTL = 167 };
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

enum { COMMANDS = 3, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SFD_NONBLOCK = 2048, WNOHANG = 1,
       POLLIN = 1, SIG_BLOCK = 0, PR_SET_DUMPABLE = 4 };

struct poll_entry { int fd; short events, seen; };

void _start(void)
{
    unsigned long all = ~0UL, child = 1UL << (SIGCHLD - 1);
    unsigned char buffer[128], command;
    struct poll_entry waiting[2] = { { 0, POLLIN, 0 }, { COMMANDS, POLLIN, 0 } };

    /* Nobody in here may look into this process. */
    call(PRCTL, PR_SET_DUMPABLE, 0, 0, 0, 0);
    call(SIGPROCMASK, SIG_BLOCK, (long)&all, 0, sizeof all, 0);
    waiting[0].fd = call(SIGNALFD4, -1, (long)&child, sizeof child, SFD_NONBLOCK, 0);
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
