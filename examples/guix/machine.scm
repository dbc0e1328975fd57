;;; A machine with one service and one user.
;;; usage: guix system build -L examples/guix --root=result examples/guix/machine.scm

(use-modules (gnu) (gnu services shepherd) (gnu system locale) (guix gexp) (sysimage))
(use-package-modules base bash)

(define greeter
  (shepherd-service
   (provision '(greeter))
   (requirement '(user-processes))
   (start #~(make-forkexec-constructor
             (list #$(file-append bash "/bin/bash") "-c"
                   (string-append "echo hello from $(id -un); exec " #$(file-append coreutils "/bin/sleep") " 100000"))
             #:user "alice"
             #:group "users"
             #:log-file "/var/log/greeter.log"))
   (stop #~(make-kill-destructor))))

(container-system
 (operating-system
   (host-name "machine")
   ;; By default there are ten languages, for two C libraries each: 17 MB.
   (locale "en_US.utf8")
   (locale-definitions (list (locale-definition (name "en_US.utf8") (source "en_US"))))
   (locale-libcs (list glibc))
   (users (cons (user-account (name "alice") (group "users")) %base-user-accounts))
   (packages (list bash coreutils))
   (services (list (simple-service 'greeter shepherd-root-service-type (list greeter))))
   ;; A container has neither, but an operating-system must say something.
   (bootloader (bootloader-configuration (bootloader (@ (gnu bootloader grub) grub-bootloader))))
   (file-systems %base-file-systems)))
