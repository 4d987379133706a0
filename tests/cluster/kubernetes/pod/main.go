// Command pod is all that the tests' node needs besides the program: the sandbox's first process, a relay, and a
// container that says how it was started. The first argument picks one.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	arguments := append(os.Args[1:], "pause")
	switch arguments[0] {
	case "relay":
		relay(arguments[1], arguments[2])
	case "report":
		report(arguments[1])
	default:
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
		<-stop
	}
}

// relay carries every connection to the first address on to the second.
func relay(from, to string) {
	listener, err := net.Listen("tcp", from)
	must(err)
	fmt.Println("listening")
	for {
		near, err := listener.Accept()
		must(err)
		go func() {
			defer near.Close()
			far, err := net.Dial("tcp", to)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			defer far.Close()
			go func() {
				_, _ = io.Copy(far, near)
				_ = far.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(near, far)
		}()
	}
}

// report says who runs, whether the root can be written to, whether the address answers, and what the API says to the
// service account.
func report(address string) {
	fmt.Println("uid", os.Getuid())
	fmt.Println("root", writable("/"))
	connection, err := net.DialTimeout("tcp", address, 10*time.Second)
	must(err)
	connection.Close()
	fmt.Println("reached", address)
	token, err := os.ReadFile(account + "token")
	must(err)
	certificate, err := os.ReadFile(account + "ca.crt")
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	client := http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	host := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest(http.MethodGet, "https://"+host+"/apis", nil)
	must(err)
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	must(err)
	answer.Body.Close()
	fmt.Println("api", answer.StatusCode)
	must(os.WriteFile("/dev/termination-log", []byte("reported"), 0o600))
}

func writable(folder string) string {
	file, err := os.CreateTemp(folder, "try")
	if err != nil {
		return "read-only"
	}
	file.Close()
	os.Remove(file.Name())
	return "writable"
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
