;;; Guix systems for images of sysimage: what `guix system image -t docker` makes of an operating system, as a system.
;;; usage: guix system build -L DIRECTORY FILE, where FILE ends with (container-system OPERATING-SYSTEM)

(define-module (sysimage)
  #:use-module (gnu packages guile)
  #:use-module (gnu services)
  #:use-module (gnu services shepherd)
  #:use-module (gnu system)
  #:use-module (gnu system linux-container)
  #:use-module (guix gexp)
  #:use-module (ice-9 match)
  #:use-module ((srfi srfi-1) #:select (remove))
  #:export (container-system
            boot-program
            end-with-the-container))

(define boot-program
  ;; The first process of the container: it becomes Guile, that runs SYSTEM/boot, that becomes the Shepherd.
  (program-file "boot-program"
    #~(let ((system (cadr (command-line))))
        (setenv "GUIX_NEW_SYSTEM" system)
        (execl #$(file-append guile-3.0 "/bin/guile")
               "guile" "--no-auto-compile" (string-append system "/boot")))))

;; A Shepherd that is the first process tries for ten seconds to mount / read-only when it is stopped, and asks the kernel
;; to reboot. In a container it may do neither, and waits until the engine kills it. This service ends it, with status 0,
;; after every service that needs 'user-processes' and before 'root-file-system'.
(define end-with-the-container
  (list (simple-service 'end-with-the-container shepherd-root-service-type
          (list (shepherd-service
                 (provision '(end-with-the-container))
                 (requirement '(root-file-system))
                 (documentation "End the container when all processes have ended.")
                 (start #~(const #t))
                 (stop #~(lambda _ (primitive-exit 0))))))
        (simple-service 'end-with-the-container user-processes-service-type '(end-with-the-container))))

(define (without-host-name os)
  ;; Engines mount a file at /etc/hostname. Activation, which cannot put a link in its place, would leave out whatever
  ;; comes after it in /etc.
  (operating-system
    (inherit os)
    (essential-services
     (modify-services (operating-system-essential-services os)
       (etc-service-type files => (remove (match-lambda ((name _) (string=? name "hostname"))) files))))))

(define* (container-system os #:key (shared-network? #t))
  "Return OS as a system for containers, with the boot program among its GC roots. With SHARED-NETWORK?, the network
and /etc/hosts, /etc/resolv.conf and the like are left to the engine."
  (operating-system-with-gc-roots
   (without-host-name
    (containerized-operating-system
     (operating-system
       (inherit os)
       (services (append end-with-the-container (operating-system-user-services os))))
     '()
     #:shared-network? shared-network?))
   (list boot-program)))
